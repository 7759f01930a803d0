/** A network line that can be cut: TCP between a browser and the server, byte by byte, over a port of its own. */

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Line {
  private readonly pairs = new Set<{ near: Socket; far: Socket }>();
  private listener: Server | null = null;
  private port = 0;
  private target = 0;
  private held = false;

  /** Opens a line that leads nowhere yet: its origin must be known before the server starts. */
  static async open(): Promise<Line> {
    const line = new Line();
    await line.restore();
    return line;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  leadTo(port: number): void {
    this.target = port;
  }

  /** Cuts the line: what is open breaks off, and nothing new gets through. */
  async cut(): Promise<void> {
    const { listener } = this;
    this.listener = null;
    for (const { near, far } of this.pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
    if (listener) await new Promise((resolve) => listener.close(resolve));
  }

  /** Makes the line whole again, on the same port. */
  async restore(): Promise<void> {
    if (this.listener) return;
    const listener = createServer((near) => this.join(near));
    this.listener = listener;
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(this.port, '127.0.0.1', resolve);
    });
    this.port = (listener.address() as AddressInfo).port;
  }

  /** Keeps back everything that comes from the server, while what goes to it still arrives. */
  hold(): void {
    this.held = true;
    for (const { far } of this.pairs) far.pause();
  }

  release(): void {
    this.held = false;
    for (const { far } of this.pairs) far.resume();
  }

  close(): Promise<void> {
    return this.cut();
  }

  private join(near: Socket): void {
    const far = connect(this.target, '127.0.0.1');
    const pair = { near, far };
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => near.write(data));
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    if (this.held) far.pause();
  }
}
