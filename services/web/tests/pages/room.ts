/** What both test pages share: the provider from npm, told by the page's address where to connect. */

import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';

export interface Room {
  text: Y.Text;
  provider: WebsocketProvider;
}

export function joinRoom(): Room {
  const told = new URLSearchParams(location.hash.slice(1));
  const value = (name: string): string => told.get(name) ?? '';
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(value('yjs'), value('id'), doc, {
    protocols: ['aetherflow.yjs', `bearer.${value('token')}`],
    disableBc: true,
  });
  provider.awareness.setLocalStateField('user', { name: value('name'), color: '#0b6e75' });
  const state = document.getElementById('state');
  const show = (): void => {
    if (state) state.textContent = provider.synced ? 'synced' : 'not synced';
  };
  provider.on('sync', show);
  show();
  return { text: doc.getText('content'), provider };
}
