/**
 * Maps of numbers as pictures, and frames on them.
 */
import { paint, scaleOf } from './colours.js';

/** A function from a value to 0..255 for a view. */
function toneOf(view, map) {
  const largest = Math.max(Math.abs(map.low), Math.abs(map.high)) || 1;
  if (view === 'stretched') {
    const range = map.high - map.low || 1;
    return (v) => (255 * (v - map.low)) / range;
  }
  if (view === 'absolute') return (v) => Math.abs(v);
  if (view === 'signed') return (v) => 127.5 + (127.5 * v) / largest;
  return (v) => v;
}

/** Draws a map as large as it is; style makes it as wide as there is room. */
export function draw(canvas, map, planes, view) {
  if (view === 'signed' && planes === 1) {
    const largest = Math.max(Math.abs(map.low), Math.abs(map.high)) || 1;
    paint(canvas, map.data, map.width, map.height, scaleOf({ low: -largest, high: largest }));
    return;
  }
  if (canvas.width !== map.width || canvas.height !== map.height) {
    canvas.width = map.width;
    canvas.height = map.height;
  }
  const context = canvas.getContext('2d');
  const image = context.createImageData(map.width, map.height);
  const n = map.width * map.height;
  const tone = toneOf(view, map);
  for (let i = 0; i < n; i++) {
    const red = tone(map.data[i]);
    image.data[4 * i] = red;
    image.data[4 * i + 1] = planes === 3 ? tone(map.data[n + i]) : red;
    image.data[4 * i + 2] = planes === 3 ? tone(map.data[2 * n + i]) : red;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Frames { top, left, height, width } in the pixels of `canvas` on the canvas that lies over it. */
export function frame(over, canvas, boxes) {
  const shown = canvas.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  over.width = Math.round(shown.width * scale);
  over.height = Math.round(shown.height * scale);
  const c = over.getContext('2d');
  const [sx, sy] = [over.width / canvas.width, over.height / canvas.height];
  for (const box of boxes) {
    const [x, y] = [box.left * sx, box.top * sy];
    const [w, h] = [Math.max(box.width * sx, 4), Math.max(box.height * sy, 4)];
    c.lineWidth = 4 * scale;
    c.strokeStyle = '#000';
    c.strokeRect(x, y, w, h);
    c.lineWidth = 2 * scale;
    c.strokeStyle = box.colour;
    c.strokeRect(x, y, w, h);
  }
}
