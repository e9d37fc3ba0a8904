//! Labels of a mechanism's parts in the reader's language; what has none keeps its name.

use base::Lang;
use dossier::{Field, ItemKind, Mechanism};

/// Names what a mechanism declares.
pub(crate) trait Labelled {
    /// Names a kind of item.
    fn kind_label(&self, kind: &str, lang: Lang) -> String;
    /// Names a phase; several that hold at once are joined by `+`.
    fn phase_label(&self, kind: &str, phase: &str, lang: Lang) -> String;
    /// Names a role.
    fn role_label(&self, role: &str, lang: Lang) -> String;
    /// Names a state in which a role stands.
    fn state_label(&self, kind: &str, role: &str, state: &str, lang: Lang) -> String;
    /// Finds the form of a move of a role, and its label.
    fn move_of(&self, kind: &str, role: &str, name: &str) -> Option<&dossier::Move>;
    /// Lists all fields that acts on a kind may state: those that open it and those of its moves. Moves may give one name to fields of several types.
    fn fields_of(&self, kind: &str) -> Vec<Field>;
}

impl Labelled for Mechanism {
    fn kind_label(&self, kind: &str, lang: Lang) -> String {
        self.kind(kind).map_or_else(|| kind.to_owned(), |k| k.label.get(lang).to_owned())
    }

    fn phase_label(&self, kind: &str, phase: &str, lang: Lang) -> String {
        let one = |p: &str| self.kind(kind).and_then(|k| k.phase(p)).map_or_else(|| p.to_owned(), |p| p.label.get(lang).to_owned());
        phase.split('+').map(one).collect::<Vec<_>>().join(" + ")
    }

    fn role_label(&self, role: &str, lang: Lang) -> String {
        self.role(role).map_or_else(|| role.to_owned(), |r| r.label.get(lang).to_owned())
    }

    fn state_label(&self, kind: &str, role: &str, state: &str, lang: Lang) -> String {
        let found = self.kind(kind).and_then(|k| k.stance(role)).and_then(|s| s.state(state));
        found.map_or_else(|| state.to_owned(), |s| s.label.get(lang).to_owned())
    }

    fn move_of(&self, kind: &str, role: &str, name: &str) -> Option<&dossier::Move> {
        self.kind(kind)?.moves.iter().find(|m| m.id == name && m.role == role)
    }

    fn fields_of(&self, kind: &str) -> Vec<Field> {
        let all = |k: &ItemKind| k.fields.iter().chain(k.moves.iter().flat_map(|m| &m.fields)).cloned().collect::<Vec<_>>();
        let mut out: Vec<Field> = Vec::new();
        for f in self.kind(kind).map(all).unwrap_or_default() {
            if !out.iter().any(|o| (&o.id, o.kind, o.many, &o.vocabulary) == (&f.id, f.kind, f.many, &f.vocabulary)) {
                out.push(f);
            }
        }
        out
    }
}
