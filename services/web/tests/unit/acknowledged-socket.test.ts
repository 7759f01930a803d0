import { beforeEach, expect, test, vi } from 'vitest';
import { acknowledgedSocketFor } from '../../src/sync/acknowledged-socket';

/** A WebSocket without a network: the test plays the server. */
class FakeSocket extends EventTarget {
  static readonly sent: unknown[] = [];
  binaryType = 'blob';
  onmessage: ((event: MessageEvent) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    super();
    // As in browsers: the property is one listener among others, after those added before it was set.
    queueMicrotask(() => this.addEventListener('message', (event) => this.onmessage?.(event as MessageEvent)));
  }

  send(data: unknown): void {
    FakeSocket.sent.push(data);
  }

  close(): void {
    this.dispatchEvent(new Event('close'));
  }
}

const observer = {
  socketOpened: vi.fn(),
  socketClosed: vi.fn(),
  messageSent: vi.fn(),
  acknowledgementReceived: vi.fn(),
};

beforeEach(() => {
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.clearAllMocks();
});

async function open(): Promise<WebSocket> {
  const Socket = acknowledgedSocketFor(observer);
  const socket = new Socket('ws://server/yjs/id', ['aetherflow.yjs.saved']);
  await Promise.resolve();
  return socket;
}

function receive(socket: WebSocket, ...bytes: number[]): void {
  socket.dispatchEvent(new MessageEvent('message', { data: Uint8Array.from(bytes).buffer, cancelable: true }));
}

test('acknowledgements reach the observer and not the provider', async () => {
  const socket = await open();
  const provider = vi.fn();
  socket.onmessage = provider;
  receive(socket, 100, 3);
  expect(observer.acknowledgementReceived).toHaveBeenCalledExactlyOnceWith(3);
  expect(provider).not.toHaveBeenCalled();
});

test('every other message reaches the provider', async () => {
  const socket = await open();
  const provider = vi.fn();
  socket.onmessage = provider;
  receive(socket, 0, 0, 1, 0);
  receive(socket, 1, 1, 0);
  expect(provider).toHaveBeenCalledTimes(2);
  expect(observer.acknowledgementReceived).not.toHaveBeenCalled();
});

test('what is sent is reported and sent', async () => {
  const socket = await open();
  const message = Uint8Array.of(0, 2, 2, 0, 0);
  socket.send(message);
  expect(observer.messageSent).toHaveBeenCalledExactlyOnceWith(message);
  expect(FakeSocket.sent).toContain(message);
});

test('a socket that the provider gave up is closed at once and reports nothing more', async () => {
  const socket = await open();
  socket.dispatchEvent(new Event('open'));
  socket.close();
  expect(observer.socketClosed).toHaveBeenCalledTimes(1);
  receive(socket, 100, 9);
  expect(observer.acknowledgementReceived).not.toHaveBeenCalled();
});

test('an old socket does not speak for a new one', async () => {
  const Socket = acknowledgedSocketFor(observer);
  const old = new Socket('ws://server/yjs/id', []);
  const fresh = new Socket('ws://server/yjs/id', []);
  await Promise.resolve();
  receive(old, 100, 4);
  old.dispatchEvent(new Event('close'));
  expect(observer.acknowledgementReceived).not.toHaveBeenCalled();
  expect(observer.socketClosed).not.toHaveBeenCalled();
  receive(fresh, 100, 5);
  expect(observer.acknowledgementReceived).toHaveBeenCalledExactlyOnceWith(5);
});
