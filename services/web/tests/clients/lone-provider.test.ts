import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import * as Y from 'yjs';
import { Client } from '../support/client';
import { type Connected, connect, synced } from '../support/provider';
import { Server } from '../support/server';

/** How long the provider is watched, in milliseconds: three times the 30 s after which it gives a silent server up. */
const WATCH = 90_000;

let server: Server;
let silent: WebSocketServer;

beforeAll(async () => {
  server = await Server.start();
  silent = silentServer();
});

afterAll(async () => {
  silent.close();
  for (const socket of silent.clients) socket.terminate();
  await server.remove();
});

test('a provider alone in a document stays connected for 90 seconds', async () => {
  const alice = await Client.logIn(server.api, 'Alice');
  const { id } = await alice.create('Alone', 'text', 'none');
  const lone = connect(server.yjs, alice, id);
  // The same provider at a server that answers once and then says nothing: it must be seen to reconnect, or this test could not fail.
  const control = connect(`ws://127.0.0.1:${(silent.address() as AddressInfo).port}`, 'none', 'room');
  const [loneStatus, controlStatus] = [statusesOf(lone), statusesOf(control)];
  await Promise.all([synced(lone), synced(control)]);
  const socket = lone.provider.ws;

  await new Promise((resolve) => setTimeout(resolve, WATCH));

  expect(controlStatus.filter((status) => status === 'disconnected').length).toBeGreaterThan(0);
  expect(loneStatus).toEqual(['connected']);
  expect(lone.provider.ws).toBe(socket);
  // And the connection is alive, not merely unclosed.
  lone.doc.getText('content').insert(0, 'still here');
  const reader = connect(server.yjs, alice, id);
  await synced(reader);
  while (reader.doc.getText('content').toString() !== 'still here')
    await new Promise((resolve) => reader.doc.once('update', resolve));
  for (const { provider } of [lone, control, reader]) provider.destroy();
});

/** The statuses from here on; the attempt that is under way was announced when the provider was made. */
function statusesOf({ provider }: Connected): string[] {
  const statuses: string[] = [];
  provider.on('status', ({ status }) => statuses.push(status));
  return statuses;
}

/** Answers each step 1 with an empty step 2, as the protocol asks, and sends nothing else, ever. */
function silentServer(): WebSocketServer {
  const listener = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'aetherflow.yjs' });
  const empty = Y.encodeStateAsUpdate(new Y.Doc());
  listener.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      if (data[0] === 0 && data[1] === 0) socket.send(Uint8Array.from([0, 1, empty.length, ...empty]));
    });
  });
  return listener;
}
