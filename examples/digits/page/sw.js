/**
 * The page without network: all its files are kept, under the version that files.js names. Whatever
 * else is fetched from beside the page (the images to train on) is kept when it first comes.
 */
importScripts('files.js'); // sets self.PAGE = { version, files }

const CACHE = `fovea-digits-${self.PAGE.version}`;

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) =>
        cache.addAll(self.PAGE.files.map((file) => new Request(file, { cache: 'reload' }))),
      )
      .then(() => self.skipWaiting()),
  );
});

/** Caches of other versions of this page; other pages of the site may have caches of their own. */
async function forgetOthers() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith('fovea-digits-') && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

self.addEventListener('activate', (event) => {
  event.waitUntil(forgetOthers().then(() => self.clients.claim()));
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const fresh = await fetch(request);
  if (fresh.ok && fresh.status === 200) await cache.put(request, fresh.clone());
  return fresh;
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method === 'GET' && request.url.startsWith(self.registration.scope)) {
    event.respondWith(answer(request));
  }
});
