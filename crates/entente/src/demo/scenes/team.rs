//! Joint investigation team: judicial authorities sign, police cannot; evidence of a third country is vetted before anybody reads it.

use super::super::DemoError;
use super::super::cast::Service;
use super::kit::*;
use serde_json::{Value, json};

fn form(reference: &str, aim: &str) -> Value {
    json!({
        "reference": reference, "legal_basis": w("es", "Segundo Protocolo Adicional al Convenio de 1959, artículo 20"), "purpose": "investigate",
        "offence": ["human-trafficking"], "need": w("es", "Las mismas víctimas aparecen en cuatro Estados."), "aim": w("es", aim),
        "from": in_days(7), "until": in_days(372),
    })
}

fn agreement() -> Value {
    json!({
        "leaders": [w("es", "En cada Estado, la autoridad que firma.")], "members": [w("es", "Dos agentes por parte.")],
        "operation": [w("es", "Cada uno actúa en su territorio y según su ley.")], "evidence": [w("es", "Según la ley del Estado donde se obtiene.")],
        "data": [w("es", "Borrado a las cuatro semanas de la descarga.")], "administrators": [w("es", "Policía Nacional.")], "costs": [w("es", "Cada parte los suyos.")],
    })
}

fn signature(who: &Service, agreement: &str) -> Value {
    let (lang, name, kind) = match who.code() {
        "ma" => ("fr", "Procureur général du Roi près la Cour d'appel", "prosecutor-general-court-of-appeal"),
        "es" => ("es", "Fiscalía de la Audiencia Nacional", "public-prosecutor"),
        "de" => ("de", "Staatsanwaltschaft Hamburg", "public-prosecutor"),
        _ => ("pt", "Ministério Público, DCIAP", "public-prosecutor"),
    };
    let reference = format!("{}-ECI-4", who.code().to_uppercase());
    json!({ "agreement": agreement, "authority": w(lang, name), "authority_kind": kind, "decision": "ECI 4/2030", "reference": reference })
}

async fn set_up<'a>(s: &Scene<'a>, reference: &str, aim: &str) -> Result<(Run<'a>, String), DemoError> {
    let (ma, es, de, pt) = s.cast();
    let parties = [(es, "party"), (de, "party"), (pt, "party"), (ma, "third_country")];
    let run = s.opens(Desk, "joint-investigation-team", &parties, form(reference, aim)).await?;
    let agreement = s.adds(es, Desk, &run, "agreement", agreement()).await?;
    Ok((run, agreement))
}

pub async fn play(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    s.voice.chapter("13  Joint investigation team: signed by judicial authorities, and evidence vetted before it is read");
    let (run, agreement) = set_up(s, "ES-ECI-4", "Identificar a las víctimas y a los responsables.").await?;
    s.shows("joint-investigation-team/running", &run);
    s.tells(es, Desk, "proposes a team of es, de and pt with ma as a third country, and the text of its agreement");
    let case = json!({ "reference": "DE-BPOL-2977", "text": w("de", "Verfahren wegen Menschenhandels, drei Beschuldigte."), "stage": w("de", "Ermittlung") });
    s.adds(de, Officer, &run, "parallel_case", case).await?;
    s.tells(es, Supervisor, "wants to sign for the police");
    s.in_vain((es, Supervisor), &run, &run.root, "sign", signature(es, &agreement), "refusal.act.officer-role").await?;
    for who in [es, de, pt, ma] {
        let form = signature(who, &agreement);
        s.moves(who, Authority, &run, &run.root, "sign", form.clone()).await?;
        s.tells(who, Authority, &format!("signs for {}", form["authority"]["text"].as_str().unwrap_or_default()));
    }
    s.stands(&run, &run.root, "operating", "all four authorities have signed the same text").await?;
    s.adds(es, Desk, &run, "appointment", json!({ "name": w("es", "Lucía Ferrer"), "capacity": "leader", "at": es.id() })).await?;
    s.adds(ma, Desk, &run, "appointment", json!({ "name": w("fr", "Yasmine Berrahal"), "capacity": "seconded", "at": es.id() })).await?;
    let space = s.adds(es, Desk, &run, "space", json!({ "administrator": w("es", "Marta Olivares, Policía Nacional") })).await?;
    let upload = json!({
        "what": w("fr", "Relevé de communications, 14 pages"), "use": ["court"], "conditions": ["no-onward"],
        "authority": w("fr", "Parquet général, autorisation du jour"), "addressees": [es.id(), de.id()],
    });
    s.tells(ma, Officer, "wants to upload before it has named who answers for the data");
    s.no_item((ma, Officer), &run, &space, "third_upload", upload.clone(), "refusal.act.wrong-phase").await?;
    let controller = json!({ "controller": w("fr", "DGSN, direction de la police judiciaire"), "law": w("fr", "Loi 09-08") });
    s.moves(ma, Desk, &run, &space, "name_controller", controller).await?;
    let upload = s.adds_in(ma, Officer, &run, &space, "third_upload", upload).await?;
    let by = |name: &str| json!({ "by": w("de", name), "reference": "DE-BPOL-2977" });
    s.tells(de, Officer, "wants to read it at once");
    s.in_vain((de, Officer), &run, &upload, "download", by("Jonas Wiebke"), "refusal.act.guard").await?;
    s.stands(&run, &upload, "to_check", "nobody reads it before it is vetted").await?;
    let vetted = json!({ "administrator": w("es", "Marta Olivares"), "checked": w("es", "Finalidad, condiciones y categorías de personas.") });
    s.moves(es, Supervisor, &run, &upload, "vet", vetted).await?;
    s.tells(es, Supervisor, "has vetted it, with a second officer");
    s.moves(de, Officer, &run, &upload, "download", by("Jonas Wiebke")).await?;
    s.stands(&run, &upload, "available", "de has read it, and that stands on record").await?;
    let longer = json!({ "text": [w("es", "Prórroga de seis meses.")], "until": in_days(552) });
    let amendment = s.adds(es, Authority, &run, "amendment", longer).await?;
    let agrees = |who: &Service| {
        let f = signature(who, "");
        json!({ "authority": f["authority"], "authority_kind": f["authority_kind"], "decision": "ECI 4/2030 bis" })
    };
    for who in [es, de, pt] {
        s.moves(who, Authority, &run, &amendment, "sign", agrees(who)).await?;
    }
    s.sees(ma, Authority, &run).await?;
    s.stands(&run, &amendment, "proposed", "the extension waits for the last signature").await
}

/// A team that pt will not join.
pub async fn leave(s: &Scene<'_>) -> Result<(), DemoError> {
    let (_, es, _, pt) = s.cast();
    let (run, agreement) = set_up(s, "ES-ECI-5", "Seguir el dinero.").await?;
    s.shows("joint-investigation-team/declined", &run);
    s.moves(es, Authority, &run, &run.root, "sign", signature(es, &agreement)).await?;
    let decline = json!({ "ground": ["no-domestic-investigation"], "explanation": w("pt", "Não há inquérito aberto em Portugal.") });
    s.moves(pt, Authority, &run, &run.root, "decline", decline).await
}
