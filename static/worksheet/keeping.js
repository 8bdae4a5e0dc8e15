// The worksheet that is open can be loaded again while the network is away, by the person who had it open.
import { page } from "./page.js";

const KEPT = "oxinate-worksheet", WHOSE = "oxinate-person";

export async function begin() {
  if (!("serviceWorker" in navigator) || document.documentElement.dataset.kept) return;
  if (localStorage.getItem(WHOSE) !== page.person) await caches.delete(KEPT);
  localStorage.setItem(WHOSE, page.person);
  await navigator.serviceWorker.register("/batches/keeper.js", { scope: "/batches/" });
  const { active } = await navigator.serviceWorker.ready;
  const files = performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => new URL(name).pathname.startsWith("/static/"));
  active?.postMessage({ page: location.origin + location.pathname, files });
}
