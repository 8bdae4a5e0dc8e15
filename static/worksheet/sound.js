// Sound and color, and always a word with them: who looks at the hot cell hears that a scan was taken or refused.

/** @type {AudioContext|null} */
let context = null;

/** @param {number} hertz @param {number} from seconds from now @param {number} length s @param {OscillatorType} shape */
function tone(hertz, from, length, shape) {
  if (!context) return;
  const oscillator = context.createOscillator(), volume = context.createGain();
  const start = context.currentTime + from;
  oscillator.type = shape;
  oscillator.frequency.value = hertz;
  volume.gain.setValueAtTime(0.2, start);
  volume.gain.exponentialRampToValueAtTime(0.001, start + length);
  oscillator.connect(volume).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + length);
}

const SOUNDS = {
  good: () => tone(1320, 0, 0.12, "sine"),
  bad: () => { tone(220, 0, 0.25, "square"); tone(180, 0.3, 0.4, "square"); },
  soon: () => { tone(880, 0, 0.15, "sine"); tone(880, 0.25, 0.15, "sine"); },
  alarm: () => { tone(880, 0, 0.25, "square"); tone(660, 0.3, 0.25, "square"); tone(880, 0.6, 0.25, "square"); },
};

/** A browser lets a page sound once somebody has touched it. @param {keyof typeof SOUNDS} name */
export function sound(name) {
  document.documentElement.dataset.sounded = name;
  if (!context || context.state === "suspended") return;
  SOUNDS[name]();
}

for (const gesture of ["pointerdown", "keydown"]) {
  addEventListener(gesture, () => {
    context ??= "AudioContext" in window ? new AudioContext() : null;
    if (context?.state === "suspended") void context.resume();
  }, { capture: true });
}
