/**
 * Keeps the page itself on the device, so that it opens without a network; documents and the interface of the server are none of its business.
 * Addresses are asked from the server first, so a new version is used as soon as the server has it.
 */

declare const self: ServiceWorkerGlobalScope;

/** Filled in by the build: the files of this version, and a name for it. */
declare const SHELL_FILES: string[];
declare const SHELL_VERSION: string;

const CACHE_PREFIX = 'aetherflow.shell.';
const CACHE = CACHE_PREFIX + SHELL_VERSION;
/** How long a page waits for the server before it comes from the device, in milliseconds. */
const PATIENCE = 4_000;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL_FILES)));
});

self.addEventListener('activate', (event) => {
  const removeOld = async (): Promise<void> => {
    const old = (await caches.keys()).filter((name) => name.startsWith(CACHE_PREFIX) && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
  };
  event.waitUntil(removeOld());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== 'GET' || address.origin !== self.location.origin) return;
  if (request.mode === 'navigate' && isPage(address.pathname)) event.respondWith(page(request));
  else if (SHELL_FILES.includes(address.pathname)) event.respondWith(file(request));
});

function isPage(path: string): boolean {
  return path === '/' || path.startsWith('/d/');
}

async function page(request: Request): Promise<Response> {
  const fromDevice = await kept('/');
  if (fromDevice === undefined) return fetch(request);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
    return answer.ok ? answer : fromDevice;
  } catch {
    return fromDevice;
  }
}

async function file(request: Request): Promise<Response> {
  return (await kept(request)) ?? fetch(request);
}

/** What this version keeps; another version may have its files beside them. */
async function kept(request: Request | string): Promise<Response | undefined> {
  return (await caches.open(CACHE)).match(request);
}

export {};
