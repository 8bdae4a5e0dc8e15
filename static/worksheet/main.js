// The worksheet with a script: entries wait in the browser for the network, colleagues' values appear, scans find their
// field. Without it, the same page works with its plain forms.
import * as entries from "./entries.js";
import * as instruments from "./instruments.js";
import * as keeping from "./keeping.js";
import * as line from "./line.js";
import * as live from "./live.js";
import * as pad from "./pad.js";
import * as painting from "./painting.js";
import * as queue from "./queue.js";
import * as scan from "./scan.js";
import * as store from "./store.js";
import * as timers from "./timers.js";
import * as working from "./working.js";

if (await store.usable()) {
  entries.begin();
  working.begin();
  painting.begin();
  line.begin();
  live.begin();
  instruments.begin();
  scan.begin();
  timers.begin();
  pad.begin();
  await queue.begin();
  document.documentElement.dataset.worksheet = "ready";
  await keeping.begin().catch(() => undefined);  // a browser that keeps no pages does all the rest
}
