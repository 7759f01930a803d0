/** The y-websocket provider from npm, unmodified, in Node. */

import WebSocket from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import type { Client } from './client';

/** A WebSocket for Node as the provider expects it. */
export const NodeSocket = WebSocket as unknown as typeof globalThis.WebSocket;

export interface Connected {
  doc: Y.Doc;
  provider: WebsocketProvider;
}

/** Connects as `client` with the token among the subprotocols, as browsers do. */
export function connect(yjs: string, client: Client | string, id: string, doc = new Y.Doc()): Connected {
  const token = typeof client === 'string' ? client : client.tokens.access_token;
  const provider = new WebsocketProvider(yjs, id, doc, {
    disableBc: true,
    protocols: ['aetherflow.yjs', `bearer.${token}`],
    WebSocketPolyfill: NodeSocket,
  });
  return { doc, provider };
}

/** Waits for a moment after which `isSo` holds, looking whenever `watch` says that something happened. */
export function until(isSo: () => boolean, watch: (look: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (isSo()) resolve();
    };
    watch(look);
    look();
  });
}

export function synced({ provider }: Connected): Promise<void> {
  return until(
    () => provider.synced,
    (look) => provider.on('sync', look),
  );
}

export function textIs({ doc }: Connected, text: string): Promise<void> {
  return until(
    () => doc.getText('content').toString() === text,
    (look) => doc.on('update', look),
  );
}
