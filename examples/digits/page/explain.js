/**
 * How the value of one unit comes about: the numbers that its layer multiplies, adds or compares.
 * No DOM here: sums.js shows what these functions find.
 *
 * A layer's `input` and `output` are { shape, values }; a unit is { channel, y, x }, or { index }
 * in a layer without maps.
 */

/** The rectangle of the input image that a unit of the layer depends on, or null if unknown. */
export function fieldOf(network, layer, unit) {
  if (layer < 0) return { x: unit.x, y: unit.y, width: 1, height: 1 };
  const { kind } = network.layers[layer];
  if (kind === 'Flatten')
    return fieldOf(network, layer - 1, beforeFlatten(network, layer, unit.index));
  const { field } = network.layers[layer];
  const [, height, width] = network.input;
  if (!field) return null;
  if (field.whole || unit.index !== undefined) return { x: 0, y: 0, width, height };
  return {
    x: unit.x * field.stride[1] - field.padding[1],
    y: unit.y * field.stride[0] - field.padding[0],
    width: field.size[1],
    height: field.size[0],
  };
}

/** Which unit of the layer before a flattening one becomes its number `index`. */
export function beforeFlatten(network, layer, index) {
  const shape = layer > 0 ? network.layers[layer - 1].output : network.input;
  if (shape.length !== 3) return { index };
  const [, height, width] = shape;
  return {
    channel: Math.floor(index / (height * width)),
    y: Math.floor(index / width) % height,
    x: index % width,
  };
}

/** The numbers of a channel that a window sees; null where it reaches over the edge. */
function patchOf(input, window, channel, unit) {
  const [, height, width] = input.shape;
  const [rows, columns] = window.size;
  const patch = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const y = unit.y * window.stride[0] - window.padding[0] + r;
      const x = unit.x * window.stride[1] - window.padding[1] + c;
      const inside = y >= 0 && x >= 0 && y < height && x < width;
      patch.push(inside ? input.values[(channel * height + y) * width + x] : null);
    }
  }
  return patch;
}

/** Convolution: of every input channel the patch, the filter and the sum of their products. */
export function convolution(layer, input, weight, bias, unit) {
  const channels = input.shape[0];
  const [rows, columns] = layer.window.size;
  const taps = rows * columns;
  const terms = [];
  let total = bias[unit.channel];
  for (let channel = 0; channel < channels; channel++) {
    const patch = patchOf(input, layer.window, channel, unit);
    const start = (unit.channel * channels + channel) * taps;
    const filter = Array.from(weight.subarray(start, start + taps));
    const sum = filter.reduce((s, w, i) => s + w * (patch[i] ?? 0), 0);
    terms.push({ channel, patch, filter, sum });
    total += sum;
  }
  terms.sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
  return { rows, columns, terms, bias: bias[unit.channel], total };
}

/** Linear: the terms that are largest, and what all others come to. */
export function linear(input, weight, bias, unit, most) {
  const count = input.values.length;
  const start = unit.index * count;
  const terms = [];
  let total = bias[unit.index];
  for (let i = 0; i < count; i++) {
    const product = input.values[i] * weight[start + i];
    terms.push({ index: i, value: input.values[i], weight: weight[start + i], product });
    total += product;
  }
  terms.sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const rest = terms.slice(most);
  return {
    terms: terms.slice(0, most),
    others: rest.length,
    rest: rest.reduce((sum, t) => sum + t.product, 0),
    bias: bias[unit.index],
    total,
  };
}

/** Max pooling: the window, and where its maximum is. */
export function pooling(layer, input, unit) {
  const patch = patchOf(input, layer.window, unit.channel, unit);
  let best = 0;
  patch.forEach((v, i) => {
    if (v !== null && (patch[best] === null || v > patch[best])) best = i;
  });
  const [rows, columns] = layer.window.size;
  return { rows, columns, patch, best, total: patch[best] };
}

/** Position of a unit in the values of a layer of that shape. */
export function positionOf(shape, unit) {
  if (unit.index !== undefined) return unit.index;
  return (unit.channel * shape[1] + unit.y) * shape[2] + unit.x;
}
