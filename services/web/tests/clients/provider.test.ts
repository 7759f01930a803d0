import { afterEach, beforeEach, expect, test } from 'vitest';
import * as Y from 'yjs';
import { Client } from '../support/client';
import { Line } from '../support/line';
import { type Connected, connect, synced, textIs, until } from '../support/provider';
import { Server } from '../support/server';

let server: Server;
let alice: Client;
let bob: Client;
const open: Connected[] = [];

function join(yjs: string, client: Client | string, id: string, doc?: Y.Doc): Connected {
  const connected = connect(yjs, client, id, doc);
  open.push(connected);
  return connected;
}

beforeEach(async () => {
  server = await Server.start();
  [alice, bob] = await Promise.all([Client.logIn(server.api, 'Alice'), Client.logIn(server.api, 'Bob')]);
});

afterEach(async () => {
  for (const { provider, doc } of open.splice(0)) {
    provider.destroy();
    doc.destroy();
  }
  await server.remove();
});

test('two providers converge, and the server has the text', async () => {
  const { id } = await alice.create('Shared', 'text', 'edit');
  const [one, two] = [join(server.yjs, alice, id), join(server.yjs, bob, id)];
  await Promise.all([synced(one), synced(two)]);
  for (let round = 0; round < 50; round += 1) {
    one.doc.getText('content').insert(0, 'a');
    two.doc.getText('content').insert(two.doc.getText('content').length, 'b');
  }
  const letters = (text: string): string => [...text].sort().join('');
  const all = 'a'.repeat(50) + 'b'.repeat(50);
  for (const connected of [one, two]) {
    await until(
      () => letters(connected.doc.getText('content').toString()) === all,
      (look) => connected.doc.on('update', look),
    );
  }
  expect(one.doc.getText('content').toString()).toBe(two.doc.getText('content').toString());

  const third = join(server.yjs, alice, id);
  await synced(third);
  expect(third.doc.getText('content').toString()).toBe(one.doc.getText('content').toString());
  expect((await alice.content(id)).text).toBe(one.doc.getText('content').toString());
});

test('an answered step 1 means that everything sent before it is on disk, also for an unmodified client', async () => {
  const { id } = await alice.create('Barrier', 'text', 'none');
  const writer = join(server.yjs, alice, id);
  await synced(writer);
  writer.doc.getText('content').insert(0, 'kept');
  // Unsynced until the server answers the step 1 that follows the update on the same socket.
  await roundTrip(writer);
  await server.kill();
  writer.provider.destroy();
  await server.launch();
  const reader = await Client.logIn(server.api, 'Alice');
  expect((await reader.content(id)).text).toBe('kept');
});

test('edits made offline are uploaded on return', async () => {
  const line = await Line.open();
  line.leadTo(Number(new URL(server.yjs).port));
  const { id } = await alice.create('Offline', 'text', 'edit');
  const away = join(`${line.url.replace('http', 'ws')}/yjs`, alice, id);
  const present = join(server.yjs, bob, id);
  await Promise.all([synced(away), synced(present)]);
  away.doc.getText('content').insert(0, 'base');
  await textIs(present, 'base');
  const gone = until(
    () => !away.provider.wsconnected,
    (look) => away.provider.on('status', look),
  );
  await line.cut();
  await gone;
  away.doc.getText('content').insert(4, ' away');
  present.doc.getText('content').insert(0, 'present ');
  await line.restore();
  await textIs(present, 'present base away');
  await textIs(away, 'present base away');
  await line.close();
});

test('presence appears at the others and goes with its client', async () => {
  const { id } = await alice.create('Presence', 'text', 'edit');
  const [one, two] = [join(server.yjs, alice, id), join(server.yjs, bob, id)];
  one.provider.awareness.setLocalStateField('user', { name: 'Alice' });
  const seen = (): unknown => two.provider.awareness.getStates().get(one.doc.clientID)?.['user'];
  await until(
    () => (seen() as { name?: string } | undefined)?.name === 'Alice',
    (look) => two.provider.awareness.on('change', look),
  );

  // Who comes later is told of those who are there.
  const three = join(server.yjs, alice, id);
  await until(
    () => three.provider.awareness.getStates().has(one.doc.clientID),
    (look) => three.provider.awareness.on('change', look),
  );

  one.provider.ws?.close();
  one.provider.shouldConnect = false;
  await until(
    () => !two.provider.awareness.getStates().has(one.doc.clientID),
    (look) => two.provider.awareness.on('change', look),
  );
  await until(
    () => !three.provider.awareness.getStates().has(one.doc.clientID),
    (look) => three.provider.awareness.on('change', look),
  );
});

test('a wrong token, a missing document and one that is not shared stop the provider for good', async () => {
  const { id } = await alice.create('Private', 'text', 'none');
  const missing = '01890a5d-ac96-774b-bcce-b302099a8057';
  const codes = await Promise.all([
    closeCode(join(server.yjs, 'wrong.token.here', id)),
    closeCode(join(server.yjs, alice, missing)),
    closeCode(join(server.yjs, bob, id)),
  ]);
  expect(codes).toEqual([4401, 4404, 4404]);
  for (const { provider } of open) {
    expect(provider.shouldConnect).toBe(false);
    expect(provider.ws).toBeNull();
  }
});

test('a reader gets the content, and is refused when it writes', async () => {
  const { id } = await alice.create('Read only', 'text', 'view');
  const writer = join(server.yjs, alice, id);
  const reader = join(server.yjs, bob, id);
  await Promise.all([synced(writer), synced(reader)]);
  writer.doc.getText('content').insert(0, 'read me');
  await textIs(reader, 'read me');
  const refused = closeCode(reader);
  reader.doc.getText('content').insert(0, 'graffiti ');
  expect(await refused).toBe(4403);
  expect((await alice.content(id)).text).toBe('read me');
});

test('a token in the address is refused', async () => {
  const { id } = await alice.create('Address', 'text', 'none');
  const { doc, provider } = join(server.yjs, alice, id);
  provider.disconnect();
  provider.protocols = ['aetherflow.yjs'];
  provider.params = { token: alice.tokens.access_token, access_token: alice.tokens.access_token };
  const refused = closeCode({ doc, provider });
  provider.connect();
  expect(await refused).toBe(4401);
});

test('a provider comes back by itself when the server restarts', async () => {
  const { id } = await alice.create('Restart', 'text', 'none');
  const client = join(server.yjs, alice, id);
  await synced(client);
  client.doc.getText('content').insert(0, 'before');
  const left = until(
    () => !client.provider.synced,
    (look) => client.provider.on('sync', look),
  );
  await server.stop();
  await left;
  client.doc.getText('content').insert(6, ' during');
  await server.launch();
  await synced(client);
  await roundTrip(client);
  expect((await alice.content(id)).text).toBe('before during');
});

/** Sends step 1 on the open socket and waits for its answer. */
async function roundTrip({ provider }: Connected): Promise<void> {
  provider.synced = false;
  const answered = until(
    () => provider.synced,
    (look) => provider.on('sync', look),
  );
  const vector = Y.encodeStateVector(provider.doc);
  provider.ws?.send(Uint8Array.from([0, 0, vector.length, ...vector]));
  await answered;
}

function closeCode({ provider }: Connected): Promise<number> {
  return new Promise((resolve) => provider.once('closed', ({ code }) => resolve(code)));
}
