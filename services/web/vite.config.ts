import { createHash } from 'node:crypto';
import { defineConfig, type Plugin } from 'vite';

const WORKER = 'service-worker.js';

/** Tells the service worker which files make up this version of the page. */
function listFilesForServiceWorker(): Plugin {
  return {
    name: 'list-files-for-service-worker',
    generateBundle(_options, bundle) {
      const worker = bundle[WORKER];
      if (worker?.type !== 'chunk') throw new Error(`the build has no ${WORKER}`);
      const assets = Object.keys(bundle).filter((file) => file.startsWith('assets/'));
      const files = ['/', '/favicon.svg', ...assets.map((file) => `/${file}`).sort()];
      // Names of assets carry a hash of their content, so they name the version too.
      const version = createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 16);
      worker.code = `const SHELL_FILES=${JSON.stringify(files)},SHELL_VERSION=${JSON.stringify(version)};\n${worker.code}`;
    },
  };
}

export default defineConfig({
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    // The editor is one chunk by nature: TipTap, ProseMirror and Yjs.
    chunkSizeWarningLimit: 900,
    rolldownOptions: {
      input: { index: 'index.html', 'service-worker': 'src/service-worker/service-worker.ts' },
      output: {
        entryFileNames: (chunk) => (chunk.name === 'service-worker' ? WORKER : 'assets/[name]-[hash].js'),
      },
    },
  },
  plugins: [listFilesForServiceWorker()],
  server: {
    // For working on the page: `npm run dev` beside a running server.
    proxy: {
      '/api': 'http://127.0.0.1:8080',
      '/livez': 'http://127.0.0.1:8080',
      '/yjs': { target: 'ws://127.0.0.1:8080', ws: true },
    },
  },
});
