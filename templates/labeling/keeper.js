// Keeps the worksheet that was last open, so that it can be loaded again while the network or the server is away.
// It holds pages of batches and the files they need, nothing else; signing out clears it.
"use strict";
const KEPT = "oxinate-worksheet", LONGEST_MS = 12 * 3600 * 1000, AT = "oxinate-kept-at";
const isPage = (url) => /^\/batches\/[A-Z]-[0-9-]+\/$/.test(url.pathname);
const named = (url) => url.origin + url.pathname;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (event.request.mode === "navigate" && isPage(url)) event.respondWith(pageOf(event.request));
  else if (url.pathname.startsWith("/static/")) event.respondWith(fileOf(event.request));
});

// A page tells what it is made of once it is there: the first one was loaded before this was at work.
self.addEventListener("message", (event) => event.waitUntil((async () => {
  const page = new Request(event.data.page, { credentials: "same-origin", redirect: "manual" });
  await keep(page, await fetch(page));
  for (const file of event.data.files) await keep(new Request(file), await fetch(file));
})().catch(() => undefined)));

async function keep(request, answer) {
  const cache = await caches.open(KEPT);
  if (answer.type === "opaqueredirect") return void await caches.delete(KEPT);  // the session has ended
  if (!answer.ok) return;
  const headers = new Headers(answer.headers);
  headers.set(AT, String(Date.now()));
  await cache.put(named(new URL(request.url)), new Response(await answer.clone().arrayBuffer(), { headers }));
}

async function pageOf(request) {
  try {
    const answer = await fetch(request);
    if (answer.status < 500) {
      await keep(request, answer.clone());
      return answer;
    }
    return (await keptPage(request)) || answer;
  } catch (fault) {
    const kept = await keptPage(request);
    if (kept) return kept;
    throw fault;
  }
}

async function fileOf(request) {
  const cache = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    if (answer.ok) await keep(request, answer.clone());
    return answer;
  } catch (fault) {
    const kept = await cache.match(named(new URL(request.url)));
    if (kept) return kept;
    throw fault;
  }
}

// The clock of a kept page goes on from where it was: the time since then is added to the instant written in it.
async function keptPage(request) {
  const kept = await (await caches.open(KEPT)).match(named(new URL(request.url)));
  const age = kept ? Date.now() - Number(kept.headers.get(AT)) : Infinity;
  if (!kept || age > LONGEST_MS) return null;
  const text = (await kept.text())
    .replace("<html ", `<html data-kept="${Number(kept.headers.get(AT))}" `)
    .replace(/data-clock="([^"]+)([+-]\d\d):(\d\d)"/, (_, local, hours, minutes) =>
      `data-clock="${new Date(Date.parse(`${local}Z`) + age).toISOString().replace("Z", "")}${hours}:${minutes}"`);
  return new Response(text, { headers: kept.headers });
}
