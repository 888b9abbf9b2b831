// A network, timed: the onnxruntime side of compare.sh. Answers the lines that network.c answers, of
// the modes infer and batch1, for what pytorch_network.py --export wrote.
//
//   node onnx_network.js FOLDER ONNXRUNTIME    the package onnxruntime-node, or its folder
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');

const [folder, library] = process.argv.slice(2);
const onnxruntime = require(library);
const sessions = new Map();

async function open(mode, threads) {
  const key = `${mode} ${threads}`;
  if (!sessions.has(key)) {
    const file = path.join(folder, mode);
    const {shape, first} = JSON.parse(fs.readFileSync(`${file}.json`));
    const bytes = fs.readFileSync(`${file}.x`);
    const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const session = await onnxruntime.InferenceSession.create(
      `${file}.onnx`, {intraOpNumThreads: threads, graphOptimizationLevel: 'all'});
    sessions.set(key, {session, first, feeds: {x: new onnxruntime.Tensor('float32', data, shape)}});
  }
  return sessions.get(key);
}

// The largest difference from PyTorch's first outputs, relative to the largest of them.
function difference(out, first) {
  const largest = Math.max(...first.map(Math.abs));
  return Math.max(...first.map((value, i) => Math.abs(value - out[i]))) / largest;
}

async function answer(mode, threads, warmUp, steps) {
  const {session, feeds, first} = await open(mode, threads);
  let error = 0;
  for (let i = 0; i < warmUp; i++) error = difference((await session.run(feeds)).y.data, first);
  const times = [];
  for (let i = 0; i < steps; i++) {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  times.sort((a, b) => a - b);
  const peak = process.resourceUsage().maxRSS / 1024;
  return {error, ms: times[steps >> 1], peak_mb: peak};
}

async function main() {
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [mode, ...numbers] = line.split(' ');
    console.log(JSON.stringify(await answer(mode, ...numbers.map(Number))));
  }
}
main();
