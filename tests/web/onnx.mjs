// Weights of the network "digits" as the peers of the benchmark want them: safetensors read, ONNX
// written (its protobuf by hand: the few messages that such a network needs).

/** The numbers of so many bytes; bfloat16 is the upper half of float32. */
function floats(bytes, dtype) {
  const { buffer } = Uint8Array.from(bytes);
  if (dtype === 'F32') return new Float32Array(buffer);
  if (dtype !== 'BF16') throw new Error(`weights of type ${dtype} are not read here`);
  return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (half) => half << 16).buffer);
}

/** { name: { shape, data } } of a safetensors file. */
export function readSafetensors(bytes) {
  const length = Number(bytes.readBigUInt64LE(0));
  const entries = Object.entries(JSON.parse(bytes.subarray(8, 8 + length)));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: place }] of entries) {
    if (name === '__metadata__') continue;
    const [from, to] = place;
    tensors[name] = {
      shape,
      data: floats(bytes.subarray(8 + length + from, 8 + length + to), dtype),
    };
  }
  return tensors;
}

// --- protobuf -------------------------------------------------------------------------------------

function varint(value) {
  const bytes = [];
  for (let v = value; ; v = Math.floor(v / 128)) {
    if (v < 128) return Buffer.from([...bytes, v]);
    bytes.push((v % 128) + 128);
  }
}

const integer = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);

function bytes(field, value) {
  const body = Buffer.isBuffer(value) ? value : Buffer.from(value);
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
}

const message = (field, ...parts) => bytes(field, Buffer.concat(parts));

// --- ONNX -----------------------------------------------------------------------------------------

const FLOAT = 1;

function tensor({ shape, data }, name) {
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return [...shape.map((n) => integer(1, n)), integer(2, FLOAT), bytes(8, name), bytes(9, raw)];
}

/** An attribute: a whole number or a list of them. */
function attribute(name, value) {
  const numbers = Array.isArray(value)
    ? [...value.map((v) => integer(8, v)), integer(20, 7)]
    : [integer(3, value), integer(20, 2)];
  return message(5, bytes(1, name), ...numbers);
}

function node(kind, inputs, output, attributes = {}) {
  return message(
    1,
    ...inputs.map((name) => bytes(1, name)),
    bytes(2, output),
    bytes(4, kind),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  );
}

/** A value of the graph: float32, the batch of any size. */
function value(field, name, sizes) {
  const dimension = (n) => message(1, typeof n === 'string' ? bytes(2, n) : integer(1, n));
  const shape = message(2, ...sizes.map(dimension));
  return message(field, bytes(1, name), message(2, message(1, integer(1, FLOAT), shape)));
}

/** The network as an ONNX model; its weights are named as in PyTorch's Sequential. */
export function toOnnx(tensors) {
  const names = Object.keys(tensors).filter((name) => name.endsWith('.weight'));
  const [conv1, conv2, dense1, dense2] = names
    .map((name) => name.slice(0, -'.weight'.length))
    .sort((a, b) => a - b);
  const parameters = (layer) => [`${layer}.weight`, `${layer}.bias`];
  const kernel = { kernel_shape: [3, 3] };
  const graph = message(
    7,
    node('Conv', ['x', ...parameters(conv1)], 'a', kernel),
    node('Relu', ['a'], 'b'),
    node('Conv', ['b', ...parameters(conv2)], 'c', kernel),
    node('Relu', ['c'], 'd'),
    node('MaxPool', ['d'], 'e', { kernel_shape: [2, 2], strides: [2, 2] }),
    node('Flatten', ['e'], 'f'),
    node('Gemm', ['f', ...parameters(dense1)], 'g', { transB: 1 }),
    node('Relu', ['g'], 'h'),
    node('Gemm', ['h', ...parameters(dense2)], 'y', { transB: 1 }),
    bytes(2, 'digits'),
    ...Object.entries(tensors).map(([name, t]) => message(5, ...tensor(t, name))),
    value(11, 'x', ['n', 1, 28, 28]),
    value(12, 'y', ['n', 10]),
  );
  return Buffer.concat([integer(1, 8), graph, message(8, bytes(1, ''), integer(2, 13))]);
}
