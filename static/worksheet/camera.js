// The camera reads codes: by the browser's own detector where it has one, else by the reader that this site brings, which
// is loaded when the camera is first opened. No picture leaves the page.
import { h } from "./page.js";

// With check digits or better: a wrong reading of a code without them would be somebody else's number.
const FORMATS = ["qr_code", "data_matrix", "aztec", "pdf417", "code_128", "ean_13"];
const EVERY_MS = 150;
const CANNOT_READ = "This browser cannot read codes with a camera. Use a scanner, or type the code.";
const NO_CAMERA = "The camera cannot be used here. Allow it for this site, use a scanner, or type the code.";

/** @typedef {{ detect: (video: HTMLVideoElement) => Promise<{ rawValue: string }[]> }} Detector */

/** @param {HTMLButtonElement} button @returns {Promise<Detector|null>} */
async function detectorFor(button) {
  const Own = /** @type {any} */ (window).BarcodeDetector;
  const known = Own ? await Own.getSupportedFormats().catch(() => []) : [];
  const formats = FORMATS.filter((format) => known.includes(format));
  if (formats.includes("qr_code")) return new Own({ formats });
  try {
    const brought = await import(/** @type {string} */ (button.dataset.detector));
    // Without this the package would ask another host for its reader.
    await brought.prepareZXingModule({ overrides: { locateFile: () => button.dataset.reader }, fireImmediately: true });
    return new brought.BarcodeDetector({ formats: FORMATS });
  } catch {
    return null;
  }
}

/** @returns {Promise<MediaStream|null>} */
async function streamed() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    return null;  // refused, none there, or no secure address
  }
}

/** @param {HTMLButtonElement} button @param {{ read: (code: string) => void, failed: (words: string) => void }} told */
async function open(button, told) {
  const video = /** @type {HTMLVideoElement} */ (h("video", { autoplay: "", playsinline: "", muted: "" }));
  const close = h("button", { type: "button" }, "Close the camera");
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { class: "camera", "aria-label": "Camera" }, video, close));
  document.body.append(dialog);
  dialog.showModal();
  /** @type {MediaStream|null} */
  let stream = null;
  const end = () => { stream?.getTracks().forEach((track) => track.stop()); dialog.remove(); };
  close.addEventListener("click", end);
  dialog.addEventListener("cancel", end);
  const [detector, seen] = await Promise.all([detectorFor(button), streamed()]);
  stream = seen;
  if (!dialog.isConnected) return end();  // closed meanwhile
  if (!detector || !stream) {
    end();
    return told.failed(detector ? NO_CAMERA : CANNOT_READ);
  }
  video.muted = true;
  video.srcObject = stream;
  while (dialog.isConnected) {
    const [found] = await detector.detect(video).catch(() => []);
    if (found && dialog.isConnected) {
      end();
      return told.read(found.rawValue);
    }
    await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
  }
}

/** @param {HTMLButtonElement} button @param {{ read: (code: string) => void, failed: (words: string) => void }} told */
export function begin(button, told) {
  button.hidden = false;
  button.addEventListener("click", () => void open(button, told));
}
