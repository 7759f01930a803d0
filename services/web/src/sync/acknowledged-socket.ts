/**
 * A WebSocket that reports its content messages and the server's acknowledgements to a ledger. The provider above it
 * stays unmodified: it never sees message type 100, which it does not know.
 */

import { acknowledgedBy } from './saved';

export interface SocketObserver {
  socketOpened(): void;
  socketClosed(): void;
  messageSent(message: Uint8Array): void;
  acknowledgementReceived(count: number): void;
}

/** A WebSocket class whose newest socket reports to `observer`; older sockets fall silent. */
export function acknowledgedSocketFor(observer: SocketObserver): typeof WebSocket {
  let newest: WebSocket | null = null;

  return class AcknowledgedSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      newest = this;
      this.binaryType = 'arraybuffer';
      this.addEventListener('open', () => this.report((to) => to.socketOpened()));
      this.addEventListener('close', () => this.report((to) => to.socketClosed()));
      // Registered before the provider's own listener, so that it can keep a message from it.
      this.addEventListener('message', (event: MessageEvent) => {
        if (!(event.data instanceof ArrayBuffer)) return;
        const count = acknowledgedBy(new Uint8Array(event.data));
        if (count === null) return;
        event.stopImmediatePropagation();
        this.report((to) => to.acknowledgementReceived(count));
      });
    }

    override send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
      if (data instanceof Uint8Array) this.report((to) => to.messageSent(data));
      super.send(data as Uint8Array<ArrayBuffer>);
    }

    override close(code?: number, reason?: string): void {
      // The provider gives a socket up before its close event arrives; from then on it proves nothing.
      this.report((to) => to.socketClosed());
      if (newest === this) newest = null;
      super.close(code, reason);
    }

    private report(tell: (to: SocketObserver) => void): void {
      if (newest === this) tell(observer);
    }
  };
}
