// What a page cannot do without a script: passkeys, live updates, drafts that are saved as typed, progress of files. All else works without it.
"use strict";
const body = document.body, form = body.dataset.form;
const b64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

async function post(path, data) {
  const headers = { "content-type": "application/json" };
  if (form) headers["x-form-token"] = form;
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(data), credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

async function prove(path, extra) {
  const asked = await post(path + "/start", extra);
  asked.challenge = bytes(asked.challenge);
  const got = await navigator.credentials.get({ publicKey: asked });
  const r = got.response;
  const user = r.userHandle ? b64(r.userHandle) : "";
  return post(path + "/finish", { ...extra, id: b64(got.rawId), client: b64(r.clientDataJSON), data: b64(r.authenticatorData), signature: b64(r.signature), user });
}

async function make(path, extra) {
  const asked = await post(path + "/start", extra);
  asked.challenge = bytes(asked.challenge);
  asked.user.id = bytes(asked.user.id);
  const got = await navigator.credentials.create({ publicKey: asked });
  return post(path + "/finish", { ...extra, id: b64(got.rawId), client: b64(got.response.clientDataJSON), data: b64(got.response.attestationObject) });
}

for (const button of document.querySelectorAll("button[data-passkey]")) {
  button.hidden = false;
  const trouble = document.getElementById("trouble");
  button.addEventListener("click", async () => {
    button.disabled = true;
    trouble.hidden = true;
    try {
      const how = button.dataset.passkey;
      let to;
      if (how === "make") {
        const [officer, token] = location.hash.slice(1).split("/");
        to = (await make("/invitation", { officer, token })).to;
      } else {
        to = (await prove(how, {})).to;
      }
      location.assign(button.dataset.to || to);
    } catch {
      trouble.hidden = false;
      button.disabled = false;
      button.focus();
    }
  });
}

if (body.dataset.live) {
  // A browser has six connections to a desk, for all its windows, and a stream holds one: only a page that is in sight listens, and it hears then
  // of what was stored meanwhile. Reading a logged page stores something itself, so such a page tells from the opening of its first stream on.
  let news = body.dataset.live === "fresh" ? body.dataset.news : null, stream = null, waiting = 0;
  const tell = async () => {
    if (body.dataset.live === "told") {
      document.querySelector(".changed").hidden = false;
      return;
    }
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return location.reload();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const old = document.querySelector("main"), at = document.activeElement;
    const place = at && old.contains(at) ? at.getAttribute("href") : null;
    old.innerHTML = fresh.innerHTML;
    if (place) old.querySelector('[href="' + CSS.escape(place) + '"]')?.focus();
  };
  const hush = () => {
    stream?.close();
    stream = null;
  };
  const listen = () => {
    if (document.visibilityState !== "visible") return hush();
    if (stream) return;
    stream = new EventSource(news === null ? "/live" : "/live?since=" + news);
    stream.addEventListener("at", (e) => (news ??= e.data));
    stream.addEventListener("news", (e) => {
      news = e.data;
      clearTimeout(waiting);
      waiting = setTimeout(tell, 300);
    });
  };
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", hush);
  addEventListener("pageshow", listen);
  listen();
}

const draft = document.querySelector("form[data-keep]");
if (draft) {
  const state = document.getElementById("kept");
  let waiting = 0;
  const keep = async () => {
    const data = new URLSearchParams(new FormData(draft));
    const answer = await fetch(draft.dataset.keep, { method: "POST", body: data, credentials: "same-origin" }).catch(() => null);
    state.textContent = answer?.ok ? state.dataset.kept : state.dataset.lost;
  };
  // What is sent is not kept after it: the draft is gone once it went.
  draft.addEventListener("submit", () => {
    clearTimeout(waiting);
    waiting = -1;
  });
  draft.addEventListener("input", () => {
    if (waiting === -1) return;
    clearTimeout(waiting);
    waiting = setTimeout(keep, 600);
  });
}

// A chosen file is written as hexadecimal digits into the field beside it, so that forms carry text alone.
for (const chosen of document.querySelectorAll("input[type=file][data-into]")) {
  chosen.addEventListener("change", async () => {
    if (!chosen.files.length) return;
    const data = new Uint8Array(await chosen.files[0].arrayBuffer());
    const text = new TextDecoder().decode(data).trim();
    const digits = [...data].map((b) => b.toString(16).padStart(2, "0")).join("");
    document.getElementById(chosen.dataset.into).value = /^[0-9a-f]+$/i.test(text) ? text : digits;
  });
}

// Up and down walk through a list while one of its links has the focus; everything is reached by Tab as well.
document.addEventListener("keydown", (e) => {
  if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
  const links = [...document.querySelectorAll("main .list > li")].map((li) => li.querySelector("a")).filter(Boolean);
  const at = links.indexOf(document.activeElement);
  if (at < 0) return;
  links[Math.max(0, Math.min(links.length - 1, at + (e.key === "ArrowDown" ? 1 : -1)))].focus();
  e.preventDefault();
});

// The key / goes to the search box from everywhere but where one types.
document.addEventListener("keydown", (e) => {
  if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName)) return;
  const box = document.querySelector(".find input[type=search]");
  if (!box) return;
  box.focus();
  e.preventDefault();
});

// A file on its way shows how far it is; without a script the browser sends the same form by itself.
for (const upload of document.querySelectorAll("form[data-upload]")) {
  upload.addEventListener("submit", (e) => {
    e.preventDefault();
    const bar = upload.querySelector("progress"), button = upload.querySelector("button");
    const request = new XMLHttpRequest();
    request.open("POST", upload.action);
    request.upload.onprogress = (p) => {
      if (p.lengthComputable) bar.value = p.loaded / p.total;
    };
    // What went wrong is said by the page that the browser gets when it sends the form itself.
    request.onload = () => (request.status < 400 ? location.assign(request.responseURL) : upload.submit());
    request.onerror = () => {
      bar.hidden = true;
      button.disabled = false;
    };
    bar.hidden = false;
    button.disabled = true;
    request.send(new FormData(upload));
  });
}

// The menu closes by Escape and by a click beside it; it opens and closes by itself as well.
const menu = document.querySelector(".menu");
document.addEventListener("click", (e) => {
  if (menu && !menu.contains(e.target)) menu.open = false;
});
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape" || !menu?.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
