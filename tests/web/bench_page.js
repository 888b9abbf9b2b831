// In the browser: the network "digits" by Fovea, onnxruntime-web and TensorFlow.js, each on one
// thread of WebAssembly, as functions with the same input and output. The scripts of the peers have
// been loaded (window.ort, window.tf).
import { Model } from './page/model.js';

const AREA = 28 * 28;

async function fetchBytes(name) {
  return new Uint8Array(await (await fetch(name)).arrayBuffer());
}

/** images: bytes, 28 x 28 each; what the network reads: float32, normalised. */
function normalize(images, { mean, std }) {
  return Float32Array.from(images, (v) => (v / 255 - mean) / std);
}

async function fovea() {
  const model = await Model.create();
  model.open((await fetchBytes('weights.safetensors')).buffer);
  const asImage = new Float32Array(AREA);
  return {
    name: 'Fovea',
    normalization: { mean: model.network.mean, std: model.network.std },
    one(images) {
      for (let i = 0; i < AREA; i++) asImage[i] = images[i] / 255;
      model.setImage(asImage);
      return model.predict();
    },
    batch: (images, labels) => model.test(images, labels),
    begin: () => model.begin(true, 1e-3, 1),
    step: (images, labels) => model.step(images, labels).loss,
  };
}

async function onnxruntime(normalization) {
  const { ort } = window;
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL('ort/', document.baseURI).href;
  const session = await ort.InferenceSession.create(await fetchBytes('digits.onnx'), {
    executionProviders: ['wasm'],
  });
  const run = async (images) => {
    const n = images.length / AREA;
    const x = new ort.Tensor('float32', normalize(images, normalization), [n, 1, 28, 28]);
    return softmax((await session.run({ x })).y.data, n);
  };
  return { name: 'onnxruntime-web', one: run, batch: run };
}

/** By row, in place of an op that the graph leaves out. */
function softmax(scores, rows) {
  const out = new Float32Array(scores.length);
  const columns = scores.length / rows;
  for (let row = 0; row < rows; row++) {
    const part = scores.subarray(row * columns, (row + 1) * columns);
    const top = Math.max(...part);
    let sum = 0;
    part.forEach((v) => (sum += Math.exp(v - top)));
    part.forEach((v, i) => (out[row * columns + i] = Math.exp(v - top) / sum));
  }
  return out;
}

async function tensorflow(normalization) {
  const { tf } = window;
  tf.wasm.setWasmPaths(new URL('tfjs/', document.baseURI).href);
  tf.wasm.setThreadsCount(1);
  await tf.setBackend('wasm');
  await tf.ready();
  const weights = await tensorflowWeights(tf);
  const forward = (x) => networkOf(tf, x, weights);
  const run = (images) => {
    const n = images.length / AREA;
    const y = tf.tidy(() =>
      tf.softmax(forward(tf.tensor(normalize(images, normalization), [n, 28, 28, 1]))),
    );
    const values = y.dataSync();
    y.dispose();
    return values;
  };
  const step = (images, labels) =>
    tf.tidy(() => {
      const x = tf.tensor(normalize(images, normalization), [labels.length, 28, 28, 1]);
      const y = tf.oneHot(tf.tensor1d(Int32Array.from(labels), 'int32'), 10);
      const variables = weights.flat().map((t) => tf.variable(t));
      const pairs = variables.flatMap((v, i) => (i % 2 ? [] : [[v, variables[i + 1]]]));
      const { value } = tf.variableGrads(() =>
        tf.losses.softmaxCrossEntropy(y, networkOf(tf, x, pairs)),
      );
      return value.dataSync()[0];
    });
  return { name: `tfjs ${tf.getBackend()}`, one: run, batch: run, step };
}

/** Convolutions and products with their ReLU in one op each: TensorFlow.js at its fastest. */
function networkOf(tf, x, [conv1, conv2, dense1, dense2]) {
  const conv = (input, [filter, bias]) =>
    tf.fused.conv2d({ x: input, filter, bias, strides: 1, pad: 'valid', activation: 'relu' });
  const dense = (a, [b, bias], activation) => tf.fused.matMul({ a, b, bias, activation });
  const maps = tf.maxPool(conv(conv(x, conv1), conv2), 2, 2, 'valid');
  return dense(dense(tf.reshape(maps, [x.shape[0], -1]), dense1, 'relu'), dense2, 'linear');
}

/** Channels last: filters [KH,KW,C,O], and the rows of the first dense layer in that order. */
async function tensorflowWeights(tf) {
  const layers = await (await fetch('weights.json')).json();
  return layers.map(({ weight, weightShape, bias }, i) => {
    const w = tf.tensor(weight, weightShape);
    const b = tf.tensor(bias);
    if (weightShape.length === 4) return [tf.transpose(w, [2, 3, 1, 0]), b];
    if (i !== 2) return [tf.transpose(w), b];
    const [out] = weightShape;
    const maps = tf.reshape(w, [out, 32, 12, 12]);
    return [tf.reshape(tf.transpose(maps, [2, 3, 1, 0]), [-1, out]), b];
  });
}

export async function makePeers() {
  const ours = await fovea();
  return [ours, await onnxruntime(ours.normalization), await tensorflow(ours.normalization)];
}

/** ms a call of body, over as many calls as fill about so many ms. */
export async function timeOf(body, fill) {
  let calls = 1;
  for (;;) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) await body();
    const ms = performance.now() - start;
    if (ms >= fill) return ms / calls;
    calls = Math.max(calls + 1, Math.ceil((calls * fill * 1.1) / Math.max(ms, 0.1)));
  }
}
