/**
 * Units of a layer on the screen. A card shows a layer with maps as one canvas a map, and a layer
 * without (`flat`) as one canvas of all its units, row by row.
 */

export function nameOf({ layer, index }) {
  return index < 0 ? 'the input' : `layer ${index + 1}, ${layer.kind}`;
}

/** The unit under the pointer, on a canvas that shows a map of the card. */
export function unitAt(card, channel, canvas, event) {
  const box = canvas.getBoundingClientRect();
  const clamp = (v, n) => Math.min(Math.max(Math.floor(v * n), 0), n - 1);
  const x = clamp((event.clientX - box.left) / box.width, card.width);
  const y = clamp((event.clientY - box.top) / box.height, card.height);
  return unitOf(card, channel, x, y);
}

export function unitOf(card, channel, x, y) {
  return card.flat ? { index: y * card.width + x, x, y } : { channel, x, y };
}
