//! Hit/no-hit through the desk, between two running nodes: a hit asked in Arabic script and held in a French spelling, followed up by a request;
//! a namesake without one; a list under a grant; what the holder and both auditors see. And the pages of it, alone.

use super::browser::{Browser, Tab};
use super::http::Visitor;
use super::routes::{Served, with_served};
use super::sight::{look, look_as_it_is};
use super::story::{PROGRAM, agree, h0, phase, seat, two_stations};
use entente::launch::{Station, settle};
use serde_json::{Value, json};
use std::path::Path;

/// Invented persons, as a register of ma writes them.
const INDEX: &str = "reference,name,birth,document,category,quality,contact,until\n\
    MA-2024-0117,Youssef Benchekroun,1981-03-07,,suspect,identity from a document,k.ouazzani,2099-12-31\n\
    MA-2023-0009,Fatima-Zahra Alaoui,1990-11-23,MA:passport:ZZ998877,convicted,identity from a document,k.ouazzani,2099-12-31\n";
const WHY: [(&str, &str); 6] = [
    ("=aim", "learn-more"),
    ("purpose", "investigate"),
    ("offence", "drug-trafficking"),
    ("category", "suspect"),
    ("reference", "ES-UDYCO-0207"),
    ("reason", "Visto dos veces en el puerto."),
];

async fn load(ma: &Station, source: &str, text: &str) -> Value {
    ma.client("desk").post("/v1/index/load", &json!({ "source": source, "format": "csv", "text": text })).await.unwrap()
}

/// Asks about a person; the window then shows the question.
fn asks(tab: &Tab, person: &[(&str, &str)]) -> String {
    tab.open("/ask/new");
    super::story::fill(tab, person);
    super::story::fill(tab, &WHY);
    tab.follow("button.main[value=send]");
    tab.until("/^.ask.[0-9a-f]{64}$/.test(location.pathname)");
    tab.js("location.pathname").as_str().unwrap().to_owned()
}

/// Puts a file into a form as a person would choose it.
fn chooses(tab: &Tab, name: &str, text: &str) {
    let code = format!(
        "(() => {{ const d = new DataTransfer(); d.items.add(new File([{}], {})); document.querySelector('input[type=file]').files = d.files; return true; }})()",
        json!(text),
        json!(name)
    );
    assert_eq!(tab.js(&code), true);
}

/// What is missing is said beside its field in Arabic, and nothing that was typed is lost.
fn a_form_that_lacks_something(asks: &Tab) {
    asks.lang("ar");
    asks.open("/ask/new");
    super::story::fill(asks, &[("given:0", "يوسف"), ("family:0", "بن شقرون"), ("reference", "ES-1"), ("number:0", "0612")]);
    asks.follow("button.main[value=send]");
    asks.until("document.documentElement.dir === 'rtl' && document.querySelectorAll('fieldset.wrong').length > 0");
    let wrong = asks.js("[...document.querySelectorAll('fieldset.wrong')].map(f => f.id).join(' ')");
    assert_eq!(wrong, "field-ids field-aim field-purpose field-offence field-category field-reason");
    assert_eq!(asks.js("document.querySelector('#field-reason .late').textContent"), "هذا ناقص.");
    assert_eq!(
        asks.js("['given:0', 'family:0', 'reference', 'number:0'].map(n => document.querySelector(`[name='${n}']`).value).join('|')"),
        "يوسف|بن شقرون|ES-1|0612"
    );
    assert_eq!(asks.js("document.activeElement === document.body && !!document.querySelector('[role=alert] a[href=\"#field-aim\"]')"), true);
    look_as_it_is(asks, "ask-form-wrong-ar");
    asks.lang("en");
    // One more row, and what was typed stays; the name alone asks nothing.
    asks.open("/ask/new");
    super::story::fill(asks, &[("given:0", "يوسف"), ("family:0", "بن شقرون")]);
    asks.follow("button[name=more][value=names]");
    assert_eq!(asks.js("document.querySelectorAll('[name^=\"given:\"]').length + document.querySelector('[name=\"given:0\"]').value"), "2يوسف");
    super::story::fill(asks, &WHY);
    asks.follow("button.main[value=send]");
    asks.until_shown("A name alone identifies nobody.");
}

#[test]
fn a_hit_and_its_follow_up_and_a_namesake() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start("hit/no-hit in a browser: asking, confirming, following up, auditing", &dir.path().join("chromium")) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut stations = two_stations(dir.path());
    runtime.block_on(async {
        settle(&mut stations, Path::new(PROGRAM)).await.unwrap();
        for s in &mut stations {
            s.add_officer("dpo", "Data protection", &["data-protection"]).await.unwrap();
        }
        agree(&[&stations[1], &stations[0]], &["hit-no-hit"], "Hit/no-hit").await;
    });
    let (ma, es) = (&stations[0], &stations[1]);
    let (ma_admin, es_desk, es_chief, es_dpo, ma_chief, ma_dpo) = runtime.block_on(async {
        (
            seat(&browser, ma, "admin", "MA administrator").await,
            seat(&browser, es, "desk", "ES desk").await,
            seat(&browser, es, "chief", "ES chief").await,
            seat(&browser, es, "dpo", "ES data protection").await,
            seat(&browser, ma, "chief", "MA chief").await,
            seat(&browser, ma, "dpo", "MA data protection").await,
        )
    });

    // A file with a wrong line is not taken, and the desk says which line; then a good one comes, and the partner has the list by itself.
    es_desk.open("/ask");
    es_desk.until_shown("No list of this partner is here yet");
    let loads = |text: &str| {
        ma_admin.open("/ask/index");
        ma_admin.follow("main a[href='/ask/index/load']");
        chooses(&ma_admin, "suspects.csv", text);
        ma_admin.follow("form[action='/ask/index/load'] button.main");
    };
    ma_admin.open("/ask/index");
    ma_admin.until_shown("Has no list yet.");
    loads(&INDEX.replace("1990-11-23", "1890-13-45"));
    ma_admin.until_shown("Line 3: A value is not what it should be.");
    ma_chief.open("/ask/index");
    ma_chief.until_shown("Nothing was loaded: lines are rejected.");
    ma_chief.until_shown("Line 3: A value is not what it should be.");
    look(&ma_chief, "ask-index-rejected", "/ask/index");
    loads(INDEX);
    ma_admin.until_shown("New: 2, changed: 0, as before: 0, removed: 0");
    es_desk.until_shown("List as of");
    a_form_that_lacks_something(&es_desk);
    look(&es_desk, "ask-new", "/ask/new");

    let hit = asks(&es_desk, &[("given:0", "يوسف"), ("family:0", "بن شقرون"), ("year:0", "1981"), ("month:0", "3"), ("day:0", "7")]);
    es_desk.until_shown("Hit: strong");
    es_desk.until_shown("Name with the full date of birth");
    es_desk.until_shown("Can be seen and confirmed until");
    let told = |tab: &Tab| tab.js("document.documentElement.outerHTML").as_str().unwrap().to_owned();
    assert!(!told(&es_desk).contains("MA-2024-0117") && !told(&es_desk).contains("Benchekroun"), "a hit alone tells nothing of what is held");
    look(&es_desk, "ask-hit", &hit);
    let namesake = asks(&es_desk, &[("given:0", "يوسف"), ("family:0", "بن شقرون"), ("year:0", "1986"), ("month:0", "9"), ("day:0", "14")]);
    es_desk.until_shown("No hit");
    assert_eq!(es_desk.js("!!document.querySelector('form[action$=confirm]')"), false, "there is nothing to confirm");
    look(&es_desk, "ask-no-hit", &namesake);
    asks(&es_desk, &[("kind:0", "document"), ("paper:0", "passport"), ("country:0", "MA"), ("number:0", "zz 998877")]);
    es_desk.until_shown("Hit: strong");

    // Another officer's question is not there for who may not see it, and is for a supervisor.
    runtime.block_on(async { es.client("admin").post("/v1/officers", &json!({ "id": "other", "name": "Other", "roles": ["officer"] })).await.unwrap() });
    let other = runtime.block_on(seat(&browser, es, "other", "ES other officer"));
    other.goto(&format!("{}{hit}", other.js("location.origin").as_str().unwrap()));
    other.until_shown("Not found");
    es_chief.open(&hit);
    es_chief.until_shown("Hit: strong");

    // Confirmed; now the partner's reference comes, and the request that follows is a draft to be read.
    es_desk.open(&hit);
    es_desk.follow("form[action$=confirm] button");
    es_desk.until_shown("MA-2024-0117");
    es_desk.until_shown("identity from a document");
    look(&es_desk, "ask-referred", &hit);
    es_desk.open(&hit);
    es_desk.follow("form[action$=follow-up] button");
    es_desk.until("location.pathname.startsWith('/new/')");
    let typed = |name: &str| es_desk.js(&format!("document.querySelector('[name=\"{name}\"]').value"));
    assert_eq!(
        [typed("reference:0:v"), typed("persons:0:given"), typed("persons:0:family"), typed("persons:0:born")],
        ["ES-UDYCO-0207", "يوسف", "بن شقرون", "1981-03-07"]
    );
    assert!(typed("why_requested:0:text").as_str().unwrap().contains("MA-2024-0117"));
    assert_eq!(es_desk.js("document.querySelector('[name^=\"party:\"]').value"), "requested");
    super::story::fill(&es_desk, &[("question:0:text", "¿Qué consta de él?"), ("question:0:lang", "es"), ("=handling", "H0")]);
    es_desk.follow("button[value=preview]");
    es_desk.until_shown("What ma will receive");
    es_desk.follow("button[value=send]");
    es_desk.until_shown("waits for a second officer");
    let pending = es_desk.js("location.pathname").as_str().unwrap().to_owned();
    es_desk.open(&hit);
    es_desk.until(&format!("!!document.querySelector('main a[href=\"{pending}\"]')"));
    es_chief.open(&pending);
    es_chief.follow("form[action$=approve] button");
    es_desk.until("!!document.querySelector('main a[href^=\"/dossiers/\"]')");
    let dossier = es_desk.js("document.querySelector('main a[href^=\"/dossiers/\"]').getAttribute('href').slice(10)").as_str().unwrap().to_owned();
    runtime.block_on(phase(ma, &dossier, None, "open"));

    // A subject is watched from now on: the change of the list hits it without another question.
    es_desk.open(&namesake);
    es_desk.follow("form[action$=standing] button");
    es_desk.until_shown("Standing subject");
    es_desk.until_shown("No hit");
    let watched = es_desk.js("location.pathname").as_str().unwrap().to_owned();
    assert_ne!(watched, namesake);
    let more = format!("{INDEX}MA-2026-0001,Youssef Benchekroun,1986-09-14,,suspect,,k.ouazzani,2099-12-31\n");
    runtime.block_on(load(ma, "suspects.csv", &more));
    es_desk.until_shown("Hit: strong");
    look(&es_desk, "ask", "/ask");
    es_desk.open(&watched);
    es_desk.follow("form[action$=standing] button");
    es_desk.until("!document.body.innerText.includes('Standing subject')");

    a_granted_list(&runtime, &es_desk, ma, es);
    what_the_holder_and_the_auditors_see(&ma_chief, &ma_dpo, &es_dpo, &namesake);

    // A new epoch out of turn: the page says first what it does, and the partner has the new list.
    ma_admin.open("/ask/index");
    ma_admin.click("main details summary");
    ma_admin.until_shown("The partner gets a whole new list under a new key");
    ma_admin.follow("main details button.grave");
    ma_admin.until("document.querySelector('#given ~ .sheet dd').innerText.startsWith('2 ')");
    es_chief.open("/ask/index");
    es_chief.until("document.querySelector('#held').parentElement.innerText.includes('Epoch 2')");
    for tab in [&ma_admin, &es_desk, &es_chief, &es_dpo, &ma_chief, &ma_dpo, &other] {
        assert_eq!(tab.complaints(), Vec::<String>::new(), "{}", tab.name);
    }
}

/// A list under a grant: taken in whole or not at all, asked by itself, paused and resumed.
fn a_granted_list(runtime: &tokio::runtime::Runtime, tab: &Tab, ma: &Station, es: &Station) {
    let words = |text: &str| json!({ "lang": "en", "text": text });
    let granted = |reference: &str, until: &str| {
        runtime.block_on(async {
    let fields = json!({
        "reference": reference, "legal_basis": words("Agreement, article 5"), "purpose": "investigate", "offence": "drug-trafficking", "subject_category": "suspect",
        "reason": words("Accreditation for the port"), "persons": 2, "elements": 1024, "until": until,
    });
    let parties = json!([[es.service, "asking"], [ma.service, "holding"]]);
    let open = json!({ "do": "open", "mechanism": "hit-no-hit", "accord": null, "follows": null, "parties": parties, "fields": fields, "handling": h0() });
        let made = es.act("desk", "chief", &open, "delivered").await.unwrap();
        let grant = made["dossier"].as_str().unwrap().to_owned();
        phase(ma, &grant, None, "asked").await;
        let form = json!({ "authority": words("Director, decree 7"), "elements": 512 });
        let step = json!({ "do": "move", "dossier": grant, "item": null, "name": "grant", "fields": form, "handling": h0() });
        ma.act("judge", "chief", &step, "delivered").await.unwrap();
        phase(es, &grant, None, "open").await;
        grant
    })
    };
    // A grant whose time is over permits nothing, and the form says so beside it.
    let today = entente::engine::now().to_string();
    let over = granted("ES-LIST-6", &today[..10]);
    tab.open("/ask/new");
    super::story::fill(tab, &[("given:0", "Nadia"), ("family:0", "Invented"), ("year:0", "1999"), ("grant", &over)]);
    super::story::fill(tab, &WHY);
    tab.follow("button.main[value=send]");
    tab.until("document.querySelector('#field-grant .late')?.textContent.includes('The list grant does not permit this question.') === true");
    assert_eq!(tab.js("document.querySelector('[name=\"family:0\"]').value"), "Invented");

    let grant = granted("ES-LIST-7", "2099-12-31");
    look(tab, "ask-list-new", "/ask/lists/new");
    tab.open("/ask/lists/new");
    tab.fill("grant", &grant);
    chooses(tab, "port.csv", "reference,name,birth\nA-1,Youssef Benchekroun,1981-03-07\nA-2,Nadia Invented,\n");
    tab.follow("form[action='/ask/lists/new'] button.main");
    tab.until_shown("Line 3: A name alone identifies nobody.");
    chooses(tab, "port.csv", "reference,name,birth\nA-1,Youssef Benchekroun,1981-03-07\nA-2,Nadia Invented,1999-01-02\n");
    tab.follow("form[action='/ask/lists/new'] button.main");
    tab.until_shown("2 of 2 asked, 2 answered");
    tab.until_shown("1 hit");
    tab.follow(&format!("form[action='/ask/lists/{grant}'] button"));
    tab.until_shown("Paused");
    runtime.block_on(phase(ma, &grant, None, "paused"));
    look(tab, "ask-lists", "/ask/lists");
    tab.open("/ask/lists");
    tab.follow(&format!("form[action='/ask/lists/{grant}'] button"));
    tab.until_shown("Running");
}

/// The holder sees who asked in which case, and of no question whom it was about; an auditor opens a line there and checks it here.
fn what_the_holder_and_the_auditors_see(ma_chief: &Tab, ma_dpo: &Tab, es_dpo: &Tab, namesake: &str) {
    ma_chief.open("/ask/served");
    ma_chief.fill("reason", "weekly review");
    ma_chief.follow("form[action='/ask/served'] button");
    ma_chief.until_shown("Hit confirmed; reference given: MA-2024-0117");
    ma_chief.until_shown("ES-UDYCO-0207");
    let told = ma_chief.js("document.querySelector('main').innerText.toLowerCase()").as_str().unwrap().to_owned();
    assert!(!["بن شقرون", "benchek", "1981", "1986", "zz998877"].iter().any(|word| told.contains(word)), "{told}");
    look(ma_chief, "ask-served", "/ask/served");
    look(ma_chief, "ask-index", "/ask/index");

    es_dpo.open(namesake);
    look(es_dpo, "ask-audit", namesake);
    es_dpo.open(namesake);
    es_dpo.fill("reason", "yearly check");
    es_dpo.follow("form[action$=open] button.main");
    es_dpo.until_shown("1986-09-14");
    look_as_it_is(es_dpo, "ask-opened-en");
    let file = es_dpo.js(&format!(
        "(async () => {{ const page = new DOMParser().parseFromString(await (await fetch('{namesake}')).text(), 'text/html'); \
         const f = new FormData(page.querySelector('form[action$=open]')); f.set('reason', 'yearly check'); f.set('do', 'file'); \
         return (await fetch('{namesake}/open', {{ method: 'POST', body: new URLSearchParams(f) }})).text(); }})()"
    ));
    let file = file.as_str().unwrap();
    look(ma_dpo, "ask-check", "/ask/check");
    for (text, verdict) in [
        (file.to_owned(), "elements open what was asked here."),
        (file.replacen("1986", "1987", 1), "do not open what was asked here"),
        ("{}".to_owned(), "This file opens no question."),
    ] {
        ma_dpo.open("/ask/check");
        chooses(ma_dpo, "question.json", &text);
        ma_dpo.follow("form[action='/ask/check'] button.main");
        ma_dpo.until_shown(verdict);
    }
}

/// Looks at a page alone, without a browser.
fn page(s: &Served, who: usize, path: &str) -> String {
    let v: &Visitor = &s.visitors[who];
    v.get(path).body
}

#[test]
fn each_sees_of_hit_no_hit_what_is_for_them() {
    with_served(|s| {
        let (officer, desk, chief, authority, dpo, admin) = (0, 1, 2, 3, 4, 5);
        let absent = page(s, admin, "/no/such/page");
        assert_eq!(page(s, admin, "/ask"), absent);
        let link = |who: usize, to: &str| page(s, who, "/settings").contains(&format!("href=\"{to}\""));
        assert!([officer, desk, chief, dpo].iter().all(|w| link(*w, "/ask")) && [authority, admin].iter().all(|w| link(*w, "/ask/index") && !link(*w, "/ask")));
        let tabs = |who: usize| {
            let body = page(s, who, if who == authority || who == admin { "/ask/index" } else { "/ask" });
            ["/ask", "/ask/new", "/ask/lists", "/ask/served", "/ask/index", "/ask/check"]
                .iter()
                .filter(|to| body.contains(&format!("href=\"{to}\"")))
                .copied()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(tabs(officer), "/ask /ask/new /ask/lists");
        assert_eq!(tabs(desk), "/ask /ask/new /ask/lists /ask/index");
        assert_eq!(tabs(chief), "/ask /ask/new /ask/lists /ask/served /ask/index");
        assert_eq!(tabs(dpo), "/ask /ask/lists /ask/served /ask/index /ask/check");
        assert_eq!((tabs(authority).as_str(), tabs(admin).as_str()), ("/ask/index", "/ask/index"));
        assert!(page(s, officer, "/ask/new").contains("No accord in force permits asking."), "nothing is offered without a ground");
        let nowhere = format!("/ask/{}", "0".repeat(64));
        assert_eq!(page(s, officer, &nowhere), page(s, officer, "/no/such/page"));
        for (path, field) in [("/confirm", ""), ("/follow-up", ""), ("/standing", "on")] {
            let answer = s.visitors[officer].send(&format!("{nowhere}{path}"), &[("do", field)]);
            assert_eq!((answer.status, answer.body), (404, page(s, officer, "/no/such/page")), "{path}");
        }
        let refused = s.visitors[officer].send("/ask/new", &[("do", "send"), ("given:0", "<b>يوسف</b>")]);
        assert!(refused.status == 422 && !refused.body.contains("<b>"), "{}", refused.body);
        let asked = s.visitors[chief].send("/ask/served", &[("reason", " ")]);
        assert_eq!(asked.status, 303);
        assert!(page(s, chief, "/ask/served").contains("name=\"reason\""), "nothing is shown before it is said why");
        s.visitors[chief].send("/ask/served", &[("reason", "review")]);
        for (who, keeps) in [(admin, true), (desk, true), (chief, true), (authority, false), (dpo, false)] {
            assert_eq!(page(s, who, "/ask/index").contains("href=\"/ask/index/load\""), keeps, "{who}");
        }
        let load = |s: &Served, text: &str, source: &str| s.visitors[admin].send("/ask/index/load", &[("text", text), ("source", source)]);
        assert_eq!((load(s, "", "suspects").status, load(s, "reference,name\n", "").status), (422, 422), "a file and a name are wanted");
        let wrong = load(s, "reference,name,birth\nA-1,<b>Nadia</b>,1890-13-45\n", "suspects");
        assert!(wrong.status == 422 && wrong.body.contains("Line 2:") && !wrong.body.contains("<b>"), "{}", wrong.body);
        let partner = "0".repeat(64);
        for fields in [[("do", "burn"), ("partner", "")], [("do", "rotate"), ("partner", partner.as_str())]] {
            let answer = s.visitors[admin].send("/ask/index/publish", &fields);
            assert_eq!((answer.status, answer.body == absent), (404, true), "no accord lets this partner have a list");
        }
        assert!(page(s, chief, "/ask/served?from=nonsense&until=2031-13-01").contains("0 questions"));
    });
}
