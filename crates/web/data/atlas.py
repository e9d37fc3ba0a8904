#!/usr/bin/env python3
"""Makes atlas.txt from Natural Earth's countries (public domain), as the npm package world-atlas 2.0.2 carries them.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python3 atlas.py package/countries-50m.json > atlas.txt

Each line is a country: ISO 3166-1 alpha-2 code, a point inside it, and rings as steps in tenths of a degree of an equirectangular
map that is as wide at 38 degrees north as it is there. Clipped to Europe, North Africa and the Atlantic coast; simplified by Douglas and Peucker.
"""
import json, math, sys

WEST, EAST, SOUTH, NORTH, STANDARD = -26.0, 45.0, 12.0, 66.0, 38.0
TOLERANCE, SMALLEST = 0.12, 0.12  # degrees, square degrees
A2 = {"012": "DZ", "024": "AO", "008": "AL", "020": "AD", "040": "AT", "031": "AZ", "112": "BY", "056": "BE", "070": "BA", "100": "BG", "132": "CV", "148": "TD",
      "191": "HR", "196": "CY", "203": "CZ", "208": "DK", "818": "EG", "233": "EE", "234": "FO", "246": "FI", "250": "FR", "268": "GE", "276": "DE", "300": "GR",
      "324": "GN", "624": "GW", "348": "HU", "352": "IS", "368": "IQ", "372": "IE", "376": "IL", "380": "IT", "400": "JO", "428": "LV", "422": "LB", "434": "LY",
      "438": "LI", "440": "LT", "442": "LU", "466": "ML", "470": "MT", "478": "MR", "498": "MD", "499": "ME", "504": "MA", "528": "NL", "562": "NE", "566": "NG",
      "807": "MK", "578": "NO", "275": "PS", "616": "PL", "620": "PT", "642": "RO", "643": "RU", "682": "SA", "686": "SN", "688": "RS", "703": "SK", "705": "SI",
      "724": "ES", "729": "SD", "752": "SE", "756": "CH", "760": "SY", "270": "GM", "788": "TN", "792": "TR", "804": "UA", "826": "GB", "854": "BF", "204": "BJ",
      "051": "AM", "364": "IR", "232": "ER", "231": "ET", "887": "YE", "120": "CM", "833": "IM", "831": "GG", "832": "JE", "492": "MC", "674": "SM"}
# Land whose status is not agreed, or that has no number, is drawn as land and named as nobody's: a map takes no position.
NOBODY = "--"

def decode(t):
    (sx, sy), (tx, ty) = t["transform"]["scale"], t["transform"]["translate"]
    for arc in t["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((x * sx + tx, y * sy + ty))
        yield line

def simple(line):
    if len(line) < 3:
        return line
    (ax, ay), (bx, by) = line[0], line[-1]
    length = math.hypot(bx - ax, by - ay)
    far = lambda p: math.hypot(p[0] - ax, p[1] - ay) if length == 0 else abs((bx - ax) * (ay - p[1]) - (ax - p[0]) * (by - ay)) / length
    i = max(range(1, len(line) - 1), key=lambda i: far(line[i]))
    return [line[0], line[-1]] if far(line[i]) < TOLERANCE else simple(line[: i + 1])[:-1] + simple(line[i:])

def clip(ring):
    for inside, cut in [(lambda p: p[0] >= WEST, ("x", WEST)), (lambda p: p[0] <= EAST, ("x", EAST)), (lambda p: p[1] >= SOUTH, ("y", SOUTH)), (lambda p: p[1] <= NORTH, ("y", NORTH))]:
        out = []
        for a, b in zip(ring, ring[1:] + ring[:1]):
            if inside(a):
                out.append(a)
            if inside(a) != inside(b):
                axis, v = cut
                f = (v - a[0]) / (b[0] - a[0]) if axis == "x" else (v - a[1]) / (b[1] - a[1])
                out.append((a[0] + f * (b[0] - a[0]), a[1] + f * (b[1] - a[1])))
        ring = out
        if not ring:
            return []
    return ring

def area(r):
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(r, r[1:] + r[:1])) / 2

def centre(r):
    s = area(r)
    x = sum((a[0] + b[0]) * (a[0] * b[1] - b[0] * a[1]) for a, b in zip(r, r[1:] + r[:1])) / (6 * s)
    y = sum((a[1] + b[1]) * (a[0] * b[1] - b[0] * a[1]) for a, b in zip(r, r[1:] + r[:1])) / (6 * s)
    return x, y

def project(p):
    return round((p[0] - WEST) * math.cos(math.radians(STANDARD)) * 10), round((NORTH - p[1]) * 10)

def steps(r):
    pts = [project(p) for p in r]
    pts = [p for i, p in enumerate(pts) if i == 0 or p != pts[i - 1]]
    return " ".join(f"{x} {y}" for x, y in [pts[0]] + [(b[0] - a[0], b[1] - a[1]) for a, b in zip(pts, pts[1:])]) if len(pts) > 2 else ""

def main():
    t = json.load(open(sys.argv[1]))
    arcs = [simple(a) for a in decode(t)]
    whole = {}
    for g in t["objects"]["countries"]["geometries"]:
        polygons = [g["arcs"]] if g["type"] == "Polygon" else g["arcs"]
        for polygon in polygons:
            ring = []
            for i in polygon[0]:
                ring += (arcs[i] if i >= 0 else arcs[~i][::-1])[:-1]
            ring = clip(ring)
            if len(ring) > 2:
                whole.setdefault(A2.get(g.get("id"), NOBODY), []).append(ring)
    w, h = project((EAST, SOUTH))
    print("# Natural Earth 1:50m countries, public domain (naturalearthdata.com), by world-atlas 2.0.2; made by atlas.py.")
    print(f"{w} {h}")
    for code, rings in sorted(whole.items()):
        rings.sort(key=lambda r: -abs(area(r)))
        kept = [r for i, r in enumerate(rings) if i == 0 or abs(area(r)) >= SMALLEST]
        x, y = project(centre(rings[0]))
        drawn = [s for s in (steps(r) for r in kept) if s]
        print(f"{code}|{x} {y}|{'/'.join(drawn)}")

main()
