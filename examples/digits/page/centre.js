/**
 * A drawing becomes an image as MNIST's are: its ink fits into 20 x 20 pixels, whose centre of mass
 * lies in the middle of 28 x 28, with grey edges.
 */
import { SIDE } from './model.js';

const BOX = 20;

/** The rectangle of the pixels that have ink, or null. */
function bounds(ink, width, height) {
  let left = width;
  let right = -1;
  let top = height;
  let bottom = -1;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (ink[i] === 0) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  return right < 0 ? null : { left, top, right: right + 1, bottom: bottom + 1 };
}

/** Where the ink's weight balances, in pixels of the drawing. */
function centreOfMass(ink, width, box) {
  let mass = 0;
  let sumX = 0;
  let sumY = 0;
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      const m = ink[y * width + x];
      mass += m;
      sumX += m * (x + 0.5);
      sumY += m * (y + 0.5);
    }
  }
  return { x: sumX / mass, y: sumY / mass };
}

/** The first of the cells that a pixel covers, which is `size` of one wide, and its share of it. */
function share(start, size) {
  const cell = Math.floor(start);
  const first = Math.min(size, cell + 1 - start) / size;
  return { cell, first };
}

/** Adds every pixel of the drawing to the cells of the image that it covers. */
function shrink(ink, width, box, fit, image) {
  const pixel = fit.scale; // the side of a pixel, in cells: at most 1
  for (let y = box.top; y < box.bottom; y++) {
    const row = share(y * pixel + fit.y, pixel);
    for (let x = box.left; x < box.right; x++) {
      const value = ink[y * width + x] * pixel * pixel;
      if (value === 0) continue;
      const column = share(x * pixel + fit.x, pixel);
      add(image, column.cell, row.cell, value * column.first * row.first);
      add(image, column.cell + 1, row.cell, value * (1 - column.first) * row.first);
      add(image, column.cell, row.cell + 1, value * column.first * (1 - row.first));
      add(image, column.cell + 1, row.cell + 1, value * (1 - column.first) * (1 - row.first));
    }
  }
}

function add(image, x, y, value) {
  if (value > 0 && x >= 0 && y >= 0 && x < SIDE && y < SIDE) image[y * SIDE + x] += value;
}

/**
 * @param ink of each pixel, 0 to 255, row by row
 * @returns {{image: Float32Array, fit: {scale, x, y}}|null} the image, 0 to 1, and how a point of
 *   the drawing goes into it: image = scale * drawing + (x, y). null: nothing is drawn.
 */
export function centre(ink, width, height) {
  const box = bounds(ink, width, height);
  if (!box) return null;
  const extent = Math.max(box.right - box.left, box.bottom - box.top);
  const scale = Math.min(BOX / extent, 1);
  const mass = centreOfMass(ink, width, box);
  const fit = { scale, x: SIDE / 2 - scale * mass.x, y: SIDE / 2 - scale * mass.y };
  const image = new Float32Array(SIDE * SIDE);
  shrink(ink, width, box, fit, image);
  for (let i = 0; i < image.length; i++) image[i] = Math.min(image[i] / 255, 1);
  return { image, fit };
}
