/**
 * The library, compiled to WebAssembly: a network that is open, its layers for one image, its
 * training. Numbers come as views of the library's memory: read them before the next call.
 */
import createLibrary from './digits-wasm.js';

export const SIDE = 28;

const FILE = '/weights.safetensors';

export class Model {
  /** @param library what createLibrary gave */
  constructor(library) {
    this.library = library;
    this.network = null;
  }

  static async create() {
    const locateFile = (name) => new URL(name, import.meta.url).href;
    return new Model(await createLibrary({ locateFile, printErr: () => {} }));
  }

  /** Bytes of a safetensors file of train_mnist; an Error in words if it is none. */
  open(bytes) {
    this.library.FS.writeFile(FILE, new Uint8Array(bytes));
    try {
      const opened = this.library.ccall('digits_open', 'boolean', ['string'], [FILE]);
      if (!opened) throw this.failure();
    } finally {
      this.library.FS.unlink(FILE);
    }
    const description = this.library._digits_describe();
    if (!description) throw this.failure();
    this.network = JSON.parse(this.words(description));
    return this.network;
  }

  /** The network's weights, as they are now, as bytes of such a file. */
  save() {
    const saved = this.library.ccall('digits_save', 'boolean', ['string'], [FILE]);
    if (!saved) throw this.failure();
    const bytes = this.library.FS.readFile(FILE);
    this.library.FS.unlink(FILE);
    return bytes;
  }

  /** Hands over 28 x 28 numbers, from 0 (paper) to 1 (ink). */
  setImage(pixels) {
    this.floats(this.library._digits_image(), SIDE * SIDE).set(pixels);
  }

  /** The probability of every class. */
  predict() {
    const pointer = this.library._digits_predict();
    if (!pointer) throw this.failure();
    return this.floats(pointer, this.network.classes.length);
  }

  /** Runs all layers; then output(i) is there. */
  run() {
    if (!this.library._digits_run()) throw this.failure();
  }

  output(layer) {
    return this.floats(
      this.library._digits_output(layer),
      count(this.network.layers[layer].output),
    );
  }

  /** Weights of a layer, row-major, or null where it has none. */
  weight(layer) {
    return this.parameters(this.library._digits_weight(layer), this.weightCount(layer));
  }

  bias(layer) {
    return this.parameters(this.library._digits_bias(layer), this.network.layers[layer].output[0]);
  }

  weightCount(layer) {
    const { parameters, output } = this.network.layers[layer];
    return parameters - output[0]; // every layer with weights has a bias, too
  }

  parameters(pointer, length) {
    return pointer ? this.floats(pointer, length) : null;
  }

  // --- training ---------------------------------------------------------------------------------

  begin(anew, rate, seed) {
    if (!this.library._digits_begin(anew, rate, seed)) throw this.failure();
  }

  get largestBatch() {
    return this.library._digits_largest_batch();
  }

  /** One step on the images (bytes, 28 x 28 each): the loss and how many of them were right. */
  step(images, labels) {
    this.setBatch(images, labels);
    const loss = this.library._digits_step(labels.length);
    if (loss < 0) throw this.failure();
    return { loss, right: this.library._digits_right() };
  }

  /** How many of the images are named rightly. */
  test(images, labels) {
    this.setBatch(images, labels);
    const right = this.library._digits_test(labels.length);
    if (right < 0) throw this.failure();
    return right;
  }

  setBatch(images, labels) {
    const { HEAPU8, _digits_batch, _digits_labels } = this.library;
    if (labels.length > this.largestBatch) throw new Error('too large a batch');
    HEAPU8.set(images, _digits_batch());
    HEAPU8.set(labels, _digits_labels());
  }

  // --- memory -----------------------------------------------------------------------------------

  floats(pointer, length) {
    return new Float32Array(this.library.HEAPU8.buffer, pointer, length);
  }

  words(pointer) {
    return this.library.UTF8ToString(pointer);
  }

  failure() {
    return new Error(this.words(this.library._digits_error()).replace(`${FILE}: `, ''));
  }
}

/** How many elements a shape has. */
export function count(shape) {
  return shape.reduce((product, n) => product * n, 1);
}
