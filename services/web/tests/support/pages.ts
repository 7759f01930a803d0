/** The test pages with other editors: built by Vite, served from a port of their own. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../pages/', import.meta.url));
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

export class TestPages {
  private constructor(
    private readonly directory: string,
    private readonly listener: Server,
  ) {}

  static async serve(): Promise<TestPages> {
    const directory = await mkdtemp(join(tmpdir(), 'aetherflow-pages-'));
    const input = [join(ROOT, 'codemirror.html'), join(ROOT, 'quill.html')];
    await build({
      root: ROOT,
      configFile: false,
      logLevel: 'error',
      build: { outDir: directory, chunkSizeWarningLimit: 2_000, rolldownOptions: { input } },
    });
    const listener = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://pages').pathname;
      readFile(join(directory, path)).then(
        (content) =>
          response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(content),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return new TestPages(directory, listener);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.listener.closeAllConnections();
    await new Promise((resolve) => this.listener.close(resolve));
    await rm(this.directory, { recursive: true, force: true });
  }
}
