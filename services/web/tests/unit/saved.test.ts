import * as encoding from 'lib0/encoding';
import { beforeEach, describe, expect, test } from 'vitest';
import { acknowledgedBy, kindOfSent, SavedLedger } from '../../src/sync/saved';

const STEP_1 = Uint8Array.of(0, 0, 1, 0);
const ANSWER = Uint8Array.of(0, 1, 2, 0, 0);
const UPDATE = Uint8Array.of(0, 2, 2, 0, 0);
const AWARENESS = Uint8Array.of(1, 1, 0);

describe('messages', () => {
  test('only answers and updates carry content', () => {
    expect(kindOfSent(STEP_1)).toBe('other');
    expect(kindOfSent(ANSWER)).toBe('answer');
    expect(kindOfSent(UPDATE)).toBe('update');
    expect(kindOfSent(AWARENESS)).toBe('other');
    expect(kindOfSent(Uint8Array.of(3))).toBe('other');
    expect(kindOfSent(new Uint8Array())).toBe('other');
  });

  test('acknowledgements are read whatever their size', () => {
    for (const count of [0, 1, 127, 128, 300, 65_535, 2 ** 31, 2 ** 40]) {
      const encoder = encoding.createEncoder();
      encoding.writeVarUint(encoder, 100);
      encoding.writeVarUint(encoder, count);
      expect(acknowledgedBy(encoding.toUint8Array(encoder))).toBe(count);
    }
  });

  test('other messages and torn acknowledgements are none', () => {
    for (const message of [
      STEP_1,
      AWARENESS,
      new Uint8Array(),
      Uint8Array.of(100),
      Uint8Array.of(100, 0x80),
      new Uint8Array(20).fill(0xff).with(0, 100),
    ]) {
      expect(acknowledgedBy(message)).toBeNull();
    }
  });
});

describe('the ledger', () => {
  let ledger: SavedLedger;

  beforeEach(() => {
    ledger = new SavedLedger();
  });

  function change(): void {
    ledger.changed();
    ledger.messageSent(UPDATE);
  }

  function connect(): void {
    ledger.socketOpened();
    ledger.messageSent(STEP_1);
    ledger.messageSent(AWARENESS);
    ledger.messageSent(ANSWER);
  }

  test('nothing is saved before a connection', () => {
    expect(ledger.isSaved).toBe(false);
  });

  test('a connection whose answer is not acknowledged is not saved', () => {
    connect();
    expect(ledger.isSaved).toBe(false);
    ledger.acknowledgementReceived(1);
    expect(ledger.isSaved).toBe(true);
  });

  test('a connection on which the server did not ask yet is not saved, though nothing is outstanding', () => {
    ledger.socketOpened();
    ledger.messageSent(STEP_1);
    expect(ledger.isSaved).toBe(false);
    expect(ledger.pending).toBe(0);
  });

  test('each change waits for its own acknowledgement', () => {
    connect();
    ledger.acknowledgementReceived(1);
    change();
    change();
    expect([ledger.isSaved, ledger.pending]).toEqual([false, 2]);
    ledger.acknowledgementReceived(2);
    expect([ledger.isSaved, ledger.pending]).toEqual([false, 1]);
    ledger.acknowledgementReceived(3);
    expect([ledger.isSaved, ledger.pending]).toEqual([true, 0]);
  });

  test('changes made offline are saved by the acknowledged answer of the next connection', () => {
    connect();
    ledger.acknowledgementReceived(1);
    ledger.socketClosed();
    ledger.changed();
    ledger.changed();
    expect([ledger.isSaved, ledger.pending]).toEqual([false, 2]);
    connect();
    expect(ledger.pending).toBe(2);
    ledger.acknowledgementReceived(1);
    expect([ledger.isSaved, ledger.pending]).toEqual([true, 0]);
  });

  test('an update that overtakes the answer does not save the older changes', () => {
    ledger.changed();
    ledger.socketOpened();
    ledger.messageSent(STEP_1);
    change();
    ledger.acknowledgementReceived(1);
    expect([ledger.isSaved, ledger.pending]).toEqual([false, 2]);
    ledger.messageSent(ANSWER);
    ledger.acknowledgementReceived(2);
    expect([ledger.isSaved, ledger.pending]).toEqual([true, 0]);
  });

  test('acknowledgements of an old socket count for nothing on a new one', () => {
    connect();
    for (let times = 0; times < 5; times += 1) change();
    ledger.socketClosed();
    connect();
    change();
    expect(ledger.pending).toBe(6);
    ledger.acknowledgementReceived(1);
    expect(ledger.pending).toBe(1);
    ledger.acknowledgementReceived(2);
    expect(ledger.isSaved).toBe(true);
  });

  test('an unacknowledged change is pending again after a break', () => {
    connect();
    ledger.acknowledgementReceived(1);
    change();
    ledger.socketClosed();
    expect([ledger.isSaved, ledger.pending]).toEqual([false, 1]);
  });

  test('the server cannot acknowledge more than was sent, nor take an acknowledgement back', () => {
    connect();
    ledger.acknowledgementReceived(7);
    change();
    expect(ledger.isSaved).toBe(false);
    ledger.acknowledgementReceived(2);
    ledger.acknowledgementReceived(1);
    expect(ledger.isSaved).toBe(true);
  });

  test('changes kept from an earlier visit are pending until the first acknowledged answer', () => {
    ledger = new SavedLedger(12);
    expect(ledger.pending).toBe(12);
    connect();
    expect(ledger.isSaved).toBe(false);
    ledger.acknowledgementReceived(1);
    expect([ledger.isSaved, ledger.pending]).toEqual([true, 0]);
  });

  test('discarded changes are no longer pending', () => {
    ledger.changed();
    ledger.discard();
    expect(ledger.pending).toBe(0);
    ledger.changed();
    expect(ledger.pending).toBe(1);
  });

  test('in any order of events, saved means that every message of this socket is acknowledged', () => {
    // A small deterministic walk over all event orders of length 7.
    const events = [
      () => change(),
      () => connect(),
      () => ledger.socketClosed(),
      () => ledger.acknowledgementReceived(1),
      () => ledger.acknowledgementReceived(2),
    ];
    for (let walk = 0; walk < events.length ** 7; walk += 1) {
      ledger = new SavedLedger();
      let model = { open: false, sent: 0, acknowledged: 0 };
      for (let step = 0, rest = walk; step < 7; step += 1, rest = Math.floor(rest / events.length)) {
        const event = rest % events.length;
        if (event === 0 && !model.open) {
          // Without a socket nothing is sent.
          ledger.changed();
          continue;
        }
        events[event]?.();
        if (event === 0) model.sent += 1;
        if (event === 1) model = { open: true, sent: 1, acknowledged: 0 };
        if (event === 2) model = { open: false, sent: 0, acknowledged: 0 };
        if (event >= 3 && model.open)
          model.acknowledged = Math.min(Math.max(model.acknowledged, event - 2), model.sent);
      }
      expect(ledger.isSaved).toBe(model.open && model.acknowledged === model.sent);
      if (ledger.isSaved) expect(ledger.pending).toBe(0);
    }
  });
});
