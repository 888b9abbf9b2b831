// Images and labels in MNIST's files (IDX, plain or gzipped), and digits as strokes of a pen.
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export const SIDE = 28;
const AREA = SIDE * SIDE;

function readIdx(path, header) {
  const file = existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`));
  return file.subarray(header);
}

/** The first images of 't10k' or 'train': [{ pixels, label }], 255 being ink. */
export function readImages(folder, part, count) {
  const images = readIdx(`${folder}/${part}-images-idx3-ubyte`, 16);
  const labels = readIdx(`${folder}/${part}-labels-idx1-ubyte`, 8);
  const found = Math.min(count, labels.length);
  return Array.from({ length: found }, (_, i) => ({
    pixels: images.subarray(i * AREA, (i + 1) * AREA),
    label: labels[i],
  }));
}

/** The image between its pixels: bilinear, nothing outside. */
function sample(pixels, x, y) {
  const at = (column, row) =>
    column >= 0 && row >= 0 && column < SIDE && row < SIDE ? pixels[row * SIDE + column] : 0;
  const [left, top] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
  const [u, v] = [x - 0.5 - left, y - 0.5 - top];
  return (
    (1 - v) * ((1 - u) * at(left, top) + u * at(left + 1, top)) +
    v * ((1 - u) * at(left, top + 1) + u * at(left + 1, top + 1))
  );
}

/** Runs of ink in the row y of the image, [from, to) each, in steps of a tenth of a pixel. */
function runsOf(pixels, y) {
  const runs = [];
  let from = null;
  for (let step = 0; step <= SIDE * 10; step++) {
    const x = step / 10;
    const ink = sample(pixels, x, y) >= 128;
    if (ink && from === null) from = x;
    if (!ink && from !== null) {
      runs.push([from, x]);
      from = null;
    }
  }
  return runs;
}

/**
 * A digit as strokes, lists of points { x, y } in pixels of the image: what a hand does that blackens
 * an outline with a thin pen, to and fro, line below line.
 *
 * @param pen its thickness in pixels of the image
 */
export function strokesOf(pixels, pen) {
  const strokes = [];
  let open = []; // strokes that the line before has reached: { points, run }
  for (let y = pen / 2; y < SIDE; y += pen * 0.9) {
    const waiting = open;
    open = runsOf(pixels, y).map(([left, right]) => {
      const above = waiting.findIndex(({ run }) => run[0] < right && left < run[1]);
      const points = above < 0 ? [] : waiting.splice(above, 1)[0].points;
      if (points.length === 0) strokes.push(points);
      const inset = Math.min(pen, right - left) / 2;
      const ends = [
        { x: left + inset, y },
        { x: right - inset, y },
      ];
      const last = points.at(-1);
      if (last && Math.abs(last.x - ends[1].x) < Math.abs(last.x - ends[0].x)) ends.reverse();
      points.push(...ends);
      return { points, run: [left, right] };
    });
  }
  return strokes;
}
