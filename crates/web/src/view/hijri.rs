//! Days of the Hijri calendar as Umm al-Qura has them, to stand beside civil ones.
//!
//! `base::Date::from_hijri` reads typed dates by the tabular rule, which knows all years; this shows dates as calendars on the wall do.

use base::Date;

/// The first year of the table, and the civil day on which it begins.
const FIRST: (i16, (i16, i8, i8)) = (1353, (1934, 4, 15));

/// Months of 30 days, a bit each from the first month, for each year. Umm al-Qura as published by the calendar's keepers; a test compares
/// every day with ICU4X.
#[rustfmt::skip]
const LONG: [u16; 148] = [
    2653, 730, 1753, 3754, 3732, 3370, 3158, 1198, 2669, 1386, 3413, 3402, 2707, 1323, 2651, 1338, 1717, 3753,
    3410, 3369, 2645, 1197, 1389, 2794, 1764, 3793, 3490, 2730, 2394, 730, 1465, 2994, 1892, 1737, 1365, 683,
    1243, 2746, 1460, 3497, 3410, 2725, 2349, 621, 2285, 730, 2773, 2725, 2635, 1175, 2359, 694, 2421, 3433,
    3410, 3221, 2347, 603, 1243, 2517, 1490, 3493, 3402, 2709, 1357, 2733, 938, 3026, 3012, 2953, 2709, 1325,
    1453, 2922, 1748, 3529, 3474, 2726, 2390, 686, 1389, 874, 2901, 2730, 2381, 1181, 2397, 698, 1461, 1450,
    3413, 2714, 2350, 622, 1373, 2778, 1748, 1701, 2855, 2637, 1197, 1389, 2906, 1876, 3913, 3730, 3366, 2646,
    854, 1717, 2986, 2962, 2853, 1675, 2715, 1370, 2778, 1460, 3497, 2898, 2714, 1334, 630, 1397, 2802, 1748,
    1705, 1365, 685, 1213, 2490, 1396, 2921, 2898, 2709, 1325, 2653, 1242, 2777, 1714, 3733, 3626, 3222, 2350,
    2733, 1386, 3429, 3402,
];

/// Returns year, month and day of the Hijri calendar; none outside 1353 to 1500.
pub fn hijri(date: Date) -> Option<(i16, u8, u8)> {
    let (y, m, d) = FIRST.1;
    let mut left = Date::new(y, m, d)?.civil().until(date.civil()).ok()?.get_days();
    if left < 0 {
        return None;
    }
    for (year, long) in (FIRST.0..).zip(LONG) {
        for month in 0..12u8 {
            let days = 29 + i32::from(long >> month & 1);
            if left < days {
                return Some((year, month + 1, left as u8 + 1));
            }
            left -= days;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use icu_calendar::cal::Hijri;

    #[test]
    fn every_day_is_that_of_others() {
        let mut day = Date::new(1934, 4, 15).unwrap();
        let mut days = 0;
        while let Some(ours) = hijri(day) {
            let c = day.civil();
            let theirs = icu_calendar::Date::try_new_gregorian(c.year().into(), c.month() as u8, c.day() as u8).unwrap().to_calendar(Hijri::new_umm_al_qura());
            assert_eq!((i32::from(ours.0), ours.1, ours.2), (theirs.year().extended_year(), theirs.month().ordinal, theirs.day_of_month().0), "{day}");
            day = day.plus_days(1).unwrap();
            days += 1;
        }
        assert_eq!((days, hijri(Date::new(1934, 4, 14).unwrap())), (52_447, None));
        assert_eq!(hijri(Date::new(2030, 6, 13).unwrap()), Some((1452, 2, 11)));
    }
}
