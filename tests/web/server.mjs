// A static file server as many are: gzip for what asks for it, files of a folder under a prefix, so
// that a page which believes to stand at the root is found out.
import { promises as fs } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const TYPES = {
  '.css': 'text/css',
  '.gz': 'application/gzip',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/** The file that a request means, or null. */
async function find(folder, prefix, url) {
  const wanted = decodeURIComponent(new URL(url, 'http://localhost').pathname);
  if (!wanted.startsWith(prefix)) return null;
  let file = path.join(folder, path.normalize(`/${wanted.slice(prefix.length)}`));
  if (wanted.endsWith('/')) file = path.join(file, 'index.html');
  const stat = await fs.stat(file).catch(() => null);
  return stat?.isFile() ? file : null;
}

async function answer(request, response, folder, prefix, sent, headers) {
  const file = await find(folder, prefix, request.url);
  if (!file) {
    response.writeHead(404).end('there is no such file');
    return;
  }
  const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
  const gzip =
    path.extname(file) !== '.gz' && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  const bytes = await fs.readFile(file);
  const body = gzip ? gzipSync(bytes, { level: 9 }) : bytes;
  sent.set(path.relative(folder, file), body.length);
  response.writeHead(200, {
    ...headers,
    'Content-Type': type,
    'Content-Length': body.length,
    ...(gzip ? { 'Content-Encoding': 'gzip' } : {}),
  });
  response.end(body);
}

/**
 * Serves folder at http://localhost:PORT/PREFIX/ on a free port.
 *
 * @param prefix begins and ends with a slash
 * @returns {{url, sent, close}} sent: a Map from every file that was asked for to its bytes on the
 *   wire; close() stops the server and with it all connections
 */
export async function serve(folder, prefix, headers = {}) {
  const sent = new Map();
  const server = http.createServer((request, response) => {
    answer(request, response, folder, prefix, sent, headers).catch((error) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://localhost:${server.address().port}${prefix}`, sent, close };
}
