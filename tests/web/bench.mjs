// The figures of bench.sh: see there.
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

import { launch, median } from './browser.mjs';
import { readImages } from './mnist.mjs';
import { readSafetensors, toOnnx } from './onnx.mjs';
import { serve } from './server.mjs';
import { strokeToAnswer } from './page.mjs';

const { values: options } = parseArgs({
  options: {
    chromium: { type: 'string' },
    build: { type: 'string' },
    weights: { type: 'string' },
    mnist: { type: 'string' },
    rounds: { type: 'string', default: '15' },
  },
});
const ROUNDS = Number(options.rounds);
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const site = path.join(options.build, 'bench');
const modules = path.join(options.build, 'node_modules');

// --- what the browser loads -----------------------------------------------------------------------

const PEERS = {
  ort: [
    'onnxruntime-web/dist',
    ['ort.wasm.min.js', 'ort-wasm-simd-threaded.wasm', 'ort-wasm-simd-threaded.mjs'],
  ],
  tfjs: [
    '@tensorflow',
    [
      'tfjs/dist/tf.min.js',
      'tfjs-backend-wasm/dist/tf-backend-wasm.min.js',
      'tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
    ],
  ],
};

function layersOf(tensors) {
  const numbers = Object.keys(tensors)
    .filter((name) => name.endsWith('.weight'))
    .map((name) => name.split('.')[0])
    .sort((a, b) => a - b);
  return numbers.map((n) => ({
    weight: Array.from(tensors[`${n}.weight`].data),
    weightShape: tensors[`${n}.weight`].shape,
    bias: Array.from(tensors[`${n}.bias`].data),
  }));
}

function makeSite() {
  rmSync(site, { recursive: true, force: true });
  mkdirSync(site, { recursive: true });
  cpSync(path.join(options.build, 'digits'), path.join(site, 'page'), { recursive: true });
  copyFileSync(path.join(here, 'bench_page.js'), path.join(site, 'bench_page.js'));
  copyFileSync(options.weights, path.join(site, 'weights.safetensors'));
  const tensors = readSafetensors(readFileSync(options.weights));
  writeFileSync(path.join(site, 'digits.onnx'), toOnnx(tensors));
  writeFileSync(path.join(site, 'weights.json'), JSON.stringify(layersOf(tensors)));
  for (const [peer, [folder, files]] of Object.entries(PEERS)) {
    mkdirSync(path.join(site, peer));
    for (const file of files) {
      copyFileSync(path.join(modules, folder, file), path.join(site, peer, path.basename(file)));
    }
  }
  const scripts = ['ort/ort.wasm.min.js', 'tfjs/tf.min.js', 'tfjs/tf-backend-wasm.min.js'];
  writeFileSync(
    path.join(site, 'index.html'),
    `<!doctype html><title>bench</title>${scripts.map((s) => `<script src="${s}"></script>`).join('')}`,
  );
}

/** Kilobytes gzipped of a program's own files: scripts and WebAssembly, no weights. */
function kilobytes(folder, wanted = () => true) {
  const files = readdirSync(path.join(site, folder)).filter(wanted);
  return (
    files.reduce(
      (sum, f) => sum + gzipSync(readFileSync(path.join(site, folder, f)), { level: 9 }).length,
      0,
    ) / 1000
  );
}

// --- times ----------------------------------------------------------------------------------------

/** In the page: every peer in turn, ROUNDS times; { name: { one, batch, step } }, lists of ms. */
async function measure(page, images, labels) {
  return page.evaluate(
    async (rounds, digit, batch, answers) => {
      const { makePeers, timeOf } = await import('./bench_page.js');
      const peers = await makePeers();
      const x = Uint8Array.from(digit);
      const xs = Uint8Array.from(batch);
      const ys = Uint8Array.from(answers);
      const out = {};
      for (const peer of peers) {
        out[peer.name] = {
          one: [],
          batch: [],
          step: [],
          probabilities: [...(await peer.one(x))],
        };
      }
      for (let round = 0; round < rounds; round++) {
        for (const peer of peers) {
          out[peer.name].one.push(await timeOf(() => peer.one(x), 60));
          out[peer.name].batch.push(await timeOf(() => peer.batch(xs, ys), 100));
        }
      }
      for (const peer of peers) {
        try {
          await peer.begin?.();
          for (let i = 0; peer.step && i < rounds; i++) {
            out[peer.name].step.push(await timeOf(() => peer.step(xs, ys), 100));
          }
        } catch (error) {
          out[peer.name].refusal = error.message;
        }
      }
      return out;
    },
    ROUNDS,
    images.slice(0, 784),
    images,
    labels,
  );
}

function furthest(a, b) {
  return Math.max(...a.map((v, i) => Math.abs(v - b[i])));
}

async function main() {
  makeSite();
  const digits = readImages(options.mnist, 't10k', 32);
  const images = digits.flatMap(({ pixels }) => [...pixels]);
  const labels = digits.map(({ label }) => label);
  const server = await serve(site, '/bench/');
  const { browser, close } = await launch({ chromium: options.chromium, modules });
  const results = { chromium: await browser.version(), rounds: ROUNDS };
  try {
    const page = await browser.newPage();
    await page.goto(server.url);
    const times = await measure(page, images, labels);
    const probabilities = Object.values(times).map((t) => t.probabilities);
    results.apart = Math.max(...probabilities.map((p) => furthest(p, probabilities[0])));
    results.peers = {};
    for (const [name, t] of Object.entries(times)) {
      const [one, batch, step] = [t.one, t.batch, t.step].map((list) =>
        list.length ? median(list) : null,
      );
      results.peers[name] = { one, batch, step, refusal: t.refusal ?? null };
    }
    await page.close();
    results.strokeToAnswer = await strokeToAnswer(browser, `${server.url}page/`, digits[0].pixels);
  } finally {
    await close();
    await server.close();
  }
  const names = Object.keys(results.peers);
  results.peers[names[0]].kilobytes = kilobytes('page', (f) => /^digits-wasm\.(js|wasm)$/.test(f));
  results.peers[names[1]].kilobytes = kilobytes('ort');
  results.peers[names[2]].kilobytes = kilobytes('tfjs');
  writeFileSync(path.join(options.build, 'bench.json'), `${JSON.stringify(results, null, 2)}\n`);
  print(results);
}

function print(results) {
  const cell = (v, digits) => (v === null ? '–' : v.toFixed(digits)).padStart(10);
  console.log(`${results.chromium}, one thread, medians of ${results.rounds} rounds, ms`);
  console.log(`${' '.repeat(18)}   a digit  batch of 32  step of 32   kB gzipped`);
  for (const [name, r] of Object.entries(results.peers)) {
    console.log(
      `${name.padEnd(18)}${cell(r.one, 3)}   ${cell(r.batch, 2)}  ${cell(r.step, 1)}   ${cell(r.kilobytes, 0)}`,
    );
    if (r.refusal) console.log(`  no training step: ${r.refusal.split('\n')[0]}`);
  }
  console.log(`probabilities differ by ${results.apart.toExponential(1)} at most`);
  console.log(
    `stroke to answer in the page: median ${results.strokeToAnswer.median.toFixed(2)} ms, of ${results.strokeToAnswer.strokes} moves`,
  );
}

await main();
