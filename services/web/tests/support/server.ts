/** A real server of its own for a test: the binary named by AETHERFLOW_BINARY, on free ports, with its own data. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ServerOptions {
  /** Origins of pages from elsewhere that may connect. */
  allowedOrigins?: string[];
}

export class Server {
  private process: ChildProcess | null = null;
  private uiPort = 0;
  private gatewayPort = 0;

  private constructor(
    private readonly directory: string,
    private readonly options: ServerOptions,
  ) {}

  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), 'aetherflow-web-')), options);
    await server.launch();
    return server;
  }

  /** Address of the user interface. */
  get url(): string {
    return `http://127.0.0.1:${this.uiPort}`;
  }

  get port(): number {
    return this.uiPort;
  }

  /** Address of the Yjs endpoint, for a y-websocket provider. */
  get yjs(): string {
    return `ws://127.0.0.1:${this.gatewayPort}/yjs`;
  }

  /** Address of the REST interface. */
  get api(): string {
    return `http://127.0.0.1:${this.gatewayPort}/api/v1`;
  }

  /** Starts on the same data; on the same ports if it ran before. */
  async launch(): Promise<void> {
    const origins = this.options.allowedOrigins ?? [];
    const flags = [
      ['--data-dir', this.directory],
      ['--ui', `127.0.0.1:${this.uiPort}`],
      ['--gateway', `127.0.0.1:${this.gatewayPort}`],
      ['--statesync-grpc', '127.0.0.1:0'],
      ['--session-store', 'embedded'],
      ['--document-store', 'embedded'],
      ['--development-login'],
      ...(origins.length > 0 ? [['--allowed-origins', origins.join(',')]] : []),
    ];
    const child = spawn(binary(), ['serve', ...flags.flat()], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.process = child;
    // A test run that is broken off must not leave servers behind.
    const killWithRun = (): void => void child.kill('SIGKILL');
    process.once('exit', killWithRun);
    child.once('exit', () => process.off('exit', killWithRun));
    const output = await readyOutput(child);
    this.uiPort = portIn(output, /AetherFlow is ready: http:\/\/[^:\s]+:(\d+)/);
    this.gatewayPort = portIn(output, /gateway: http:\/\/[^:\s]+:(\d+)/);
  }

  /** Ends the process as a power cut would: nothing can be written after this. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** Asks the process to stop in good order. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** Ends the process, if it still runs, and removes its data. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    this.process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}

function binary(): string {
  const path = process.env['AETHERFLOW_BINARY'];
  if (path === undefined || path === '') throw new Error('Set AETHERFLOW_BINARY to the path of a built `aetherflow`.');
  return path;
}

/** What the process printed until it said that it is ready; an error with its own words if it ended before. */
function readyOutput(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    let errors = '';
    child.stdout?.on('data', (data: Buffer) => {
      output += data.toString();
      if (output.includes('gateway: ')) resolve(output);
    });
    child.stderr?.on('data', (data: Buffer) => {
      errors = (errors + data.toString()).slice(-4_000);
    });
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`The server ended with code ${code} before it was ready:\n${output}${errors}`)),
    );
  });
}

function portIn(output: string, pattern: RegExp): number {
  const port = Number(pattern.exec(output)?.[1]);
  if (!Number.isInteger(port)) throw new Error(`The server did not say its port (${pattern}):\n${output}`);
  return port;
}
