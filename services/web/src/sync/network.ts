/** What the browser knows about the network, checked against the server itself. */

/** How long the server may take to show that it is still there, in milliseconds. */
const PROBE_TIMEOUT = 3_000;

interface Listeners {
  /** The server does not answer any more, whatever the sockets still believe. */
  lost: () => void;
  /** There may be a way to the server again. */
  returned: () => void;
}

/**
 * Follows the network until `signal` is aborted. A browser without a network may still reach a server on its own machine, and one with a
 * network may have lost the server while it slept, so an open connection is given up only if the server does not answer.
 */
export function watchNetwork(isConnected: () => boolean, { lost, returned }: Listeners, signal: AbortSignal): void {
  const check = async (): Promise<void> => {
    if (isConnected()) {
      if (!(await serverAnswers()) && !signal.aborted) lost();
    } else if (navigator.onLine) {
      returned();
    }
  };
  const checkWhenVisible = (): void => {
    if (document.visibilityState === 'visible') void check();
  };
  window.addEventListener('offline', () => void check(), { signal });
  window.addEventListener('online', () => void check(), { signal });
  document.addEventListener('visibilitychange', checkWhenVisible, { signal });
}

function serverAnswers(): Promise<boolean> {
  return fetch('/livez', { cache: 'no-store', signal: AbortSignal.timeout(PROBE_TIMEOUT) }).then(
    (response) => response.ok,
    () => false,
  );
}
