import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Digest } from '../../src/base/digest.ts';
import { NixpushError } from '../../src/base/errors.ts';
import { drawBars } from '../../src/cli/progress/draw-bars.ts';
import { eventLine } from '../../src/cli/progress/event-lines.ts';
import { LiveLines } from '../../src/cli/progress/live-lines.ts';
import { canDraw } from '../../src/cli/progress/display.ts';
import { openProgress } from '../../src/cli/progress/open-progress.ts';
import { PushState } from '../../src/cli/progress/push-state.ts';
import { Rate } from '../../src/cli/progress/rate.ts';
import { summaryLines } from '../../src/cli/progress/summary.ts';
import type { PlannedLayer, ProgressEvent } from '../../src/verbs/progress.ts';

const MIB = 2 ** 20;
const DIGEST: Digest = `sha256:${'ab'.repeat(32)}`;
const WIDE = { width: 120, height: 10, unicode: false };

function layer(name: string, mebibytes: number): PlannedLayer {
  const paths = [`/nix/store/0dczwaqyb02ay7vx399ashww848y804z-${name}`, '/nix/store/other'];
  return { paths, narSize: mebibytes * MIB, recipe: DIGEST };
}

function plan(layers: PlannedLayer[], ...destinations: string[]): ProgressEvent {
  return { type: 'plan', layers, destinations };
}

function done(
  index: number,
  destination: string,
  outcome: 'uploaded' | 'exists' | 'mounted' = 'uploaded',
): ProgressEvent {
  const sentBytes = outcome === 'uploaded' ? MIB : 0;
  return { type: 'layer-done', layer: index, destination, outcome, digest: DIGEST, size: MIB, sentBytes };
}

function stateAfter(...events: ProgressEvent[]): PushState {
  const state = new PushState(0);
  for (const event of events) state.apply(event, 0);
  return state;
}

describe('live bars', () => {
  test('are nothing before the plan is known', () => {
    assert.deepEqual(drawBars(new PushState(0), WIDE, 0), []);
  });

  test('show each layer at work and the whole, with rate and time left', () => {
    const state = stateAfter(plan([layer('glibc', 10), layer('hello', 30)], 'ghcr.io/me/x'), {
      type: 'layer-start',
      layer: 0,
    });
    state.apply({ type: 'layer-bytes', layer: 0, read: 5 * MIB, written: 2 * MIB }, 500);
    assert.deepEqual(
      drawBars(state, WIDE, 1000),
      [
        'layer 1/2  ##########..........   50%   5.0 MiB / 10.0 MiB  5.0 MiB/s    0:01  glibc +1',
        'total 0/2  ##..................   12%   5.0 MiB / 40.0 MiB  5.0 MiB/s    0:07  to ghcr.io/me/x',
      ].map((line) => line.replace(/ (5\.0 MiB\/s)/, '  $1')),
    );
  });

  test('count a layer that was there already as done', () => {
    const state = stateAfter(plan([layer('a', 10), layer('b', 10)], 'x'), done(0, 'x', 'exists'));
    assert.deepEqual(state.progress(), { done: 10 * MIB, total: 20 * MIB });
    assert.match(drawBars(state, WIDE, 0)[0] ?? '', /^total 1\/2 .* 50%/);
  });

  test('never go past their end', () => {
    const state = stateAfter(
      plan([layer('a', 1)], 'x'),
      { type: 'layer-start', layer: 0 },
      { type: 'layer-bytes', layer: 0, read: 3 * MIB, written: MIB },
    );
    assert.match(drawBars(state, WIDE, 0)[0] ?? '', /100% +1\.0 MiB \/ 1\.0 MiB/);
  });

  test('keep to the width and height of the terminal', () => {
    const layers = Array.from({ length: 20 }, (_, index) => layer(`package-with-a-long-name-${index}`, 10));
    const starts = layers.map((_, index): ProgressEvent => ({ type: 'layer-start', layer: index }));
    const lines = drawBars(
      stateAfter(plan(layers, 'x'), ...starts),
      { width: 60, height: 5, unicode: true },
      0,
    );
    assert.equal(lines.length, 5);
    assert.ok(lines.every((line) => line.length <= 60));
    assert.match(lines[3] ?? '', /and 17 more/);
    assert.match(lines[4] ?? '', /^total/);
  });

  test('wait for every destination but those that failed', () => {
    const state = stateAfter(plan([layer('a', 1)], 'x', 'y'), done(0, 'x'));
    assert.equal(state.layers[0]?.phase, 'waiting');
    state.apply({ type: 'destination-failed', destination: 'y', error: new Error('gone') }, 0);
    assert.equal(state.layers[0]?.phase, 'done');
  });

  test('forget the rate of long ago', () => {
    const rate = new Rate(0);
    rate.add(100 * MIB, 100);
    assert.equal(rate.perSecond(200), undefined);
    assert.equal(rate.perSecond(1000), 100 * MIB);
    rate.add(5 * MIB, 7000);
    assert.equal(rate.perSecond(8000), MIB);
  });
});

/** What a terminal shows after the writes: understands the sequences LiveLines uses, and nothing else. */
class FakeTerminal {
  readonly columns = 80;
  readonly screen: string[] = [];
  cursorShown = true;
  writes = 0;
  #row = 0;

  write(text: string): void {
    this.writes += 1;
    // oxlint-disable-next-line no-control-regex -- control sequences are what this is about
    for (const [token] of text.matchAll(/\u001B\[\??[0-9]*[A-Za-z]|\r|\n|[^\u001B\r\n]+/g)) this.#take(token);
  }

  #take(token: string): void {
    // oxlint-disable-next-line no-control-regex -- see above
    const up = /^\u001B\[(\d+)A$/.exec(token)?.[1];
    if (up !== undefined) this.#row -= Number(up);
    else if (token === '\n') this.#row += 1;
    else if (token === '\u001B[J') this.screen.length = this.#row;
    else if (token === '\u001B[?25l') this.cursorShown = false;
    else if (token === '\u001B[?25h') this.cursorShown = true;
    else if (token !== '\r' && token !== '\u001B[K') this.screen[this.#row] = token;
  }
}

describe('live lines', () => {
  test('are drawn over each other, each frame with one write', () => {
    const terminal = new FakeTerminal();
    const live = new LiveLines(terminal);
    live.draw(['one', 'two']);
    live.draw(['three']);
    assert.deepEqual(terminal.screen, ['three']);
    assert.equal(terminal.writes, 2);
    assert.equal(terminal.cursorShown, false);
  });

  test('leave what goes above them standing', () => {
    const terminal = new FakeTerminal();
    const live = new LiveLines(terminal);
    live.draw(['bar']);
    live.draw(['bar'], ['warning: first']);
    live.draw(['bar', 'bar 2'], ['warning: second']);
    assert.deepEqual(terminal.screen, ['warning: first', 'warning: second', 'bar', 'bar 2']);
  });

  test('go away and give the cursor back', () => {
    const terminal = new FakeTerminal();
    const live = new LiveLines(terminal);
    live.draw(['bar', 'bar'], ['warning: stays']);
    live.clear();
    live.clear();
    assert.deepEqual(terminal.screen, ['warning: stays']);
    assert.equal(terminal.cursorShown, true);
  });

  test('that a narrower terminal has wrapped are all overwritten', () => {
    const writes: string[] = [];
    const terminal = { columns: 80, write: (text: string): unknown => writes.push(text) };
    const live = new LiveLines(terminal);
    live.draw(['x'.repeat(70), 'short']);
    terminal.columns = 40;
    live.draw(['y']);
    assert.ok(writes[1]?.startsWith('\r\u001B[3A'));
  });
});

describe('lasting lines', () => {
  const start = plan([layer('a', 8), layer('b', 1)], 'ghcr.io/me/x');

  test('say how a layer got to its destination', () => {
    const state = stateAfter(start);
    const lines = [done(0, 'ghcr.io/me/x'), done(1, 'ghcr.io/me/x', 'exists'), done(1, 'y', 'mounted')].map(
      (event) => eventLine(event, state, false),
    );
    assert.deepEqual(lines, [
      'layer 1/2  8.0 MiB → 1.0 MiB  sha256:abababababab…  pushed to ghcr.io/me/x',
      'layer 2/2  1.0 MiB → 1.0 MiB  sha256:abababababab…  already at ghcr.io/me/x',
      'layer 2/2  1.0 MiB → 1.0 MiB  sha256:abababababab…  mounted at y',
    ]);
  });

  test('tell of waits and warnings, made safe', () => {
    const state = stateAfter(start);
    const wait: ProgressEvent = { type: 'wait', destination: 'x', reason: 'busy\u0007', milliseconds: 2500 };
    state.apply(wait, 0);
    assert.equal(eventLine(wait, state, false), 'waiting 2.5 s: busy\\u{7}');
    assert.equal(eventLine({ type: 'warning', message: 'odd\n' }, state, false), 'warning: odd\\n');
  });

  test('tell once of a registry that all layers wait for, until it answers or is not waited for any more', () => {
    const state = stateAfter(plan([layer('a', 1), layer('b', 1)], 'ghcr.io/me/x', 'y'));
    const line = (destination: string, now: number): string | undefined => {
      const event = {
        type: 'wait',
        destination,
        reason: 'gone',
        milliseconds: 500,
        longest: 300_000,
      } as const;
      state.apply(event, now);
      return eventLine(event, state, false);
    };
    const told = 'waiting 0.5 s: gone; trying again for up to 5 min 00 s';
    assert.deepEqual(
      [line('ghcr.io', 0), line('ghcr.io', 1), line('y', 2), line('y', 3)],
      [told, undefined, told, undefined],
    );
    state.apply(done(0, 'ghcr.io/me/x'), 4);
    assert.deepEqual([line('ghcr.io', 5), line('y', 6)], [told, undefined]);
    // Others still try when the time of the first that was waiting is over.
    const later = Array.from({ length: 10 }, (_, minute) => line('ghcr.io', minute * 60_000));
    assert.deepEqual(new Set(later), new Set([undefined]));
    // Nobody has waited for a while: that was over.
    assert.equal(line('y', 300_004), told);
  });

  test('name the paths of a layer that is started only if verbose', () => {
    const state = stateAfter(start);
    const event: ProgressEvent = { type: 'layer-start', layer: 0 };
    assert.equal(eventLine(event, state, false), undefined);
    assert.match(eventLine(event, state, true) ?? '', /^layer 1\/2 {2}started\n {2}\/nix\/store\/\S+-a\n/);
  });

  test('tell of a destination that has the image while others are waited for', () => {
    const state = stateAfter(plan([layer('a', 1)], 'x', 'y', 'z'));
    const line = (destination: string): string | undefined => {
      const event = { type: 'destination-done', destination, reference: `${destination}@${DIGEST}` } as const;
      state.apply(event, 0);
      return eventLine(event, state, false);
    };
    assert.equal(line('x'), 'x has the image, 2 others follow');
    assert.equal(line('y'), 'y has the image, z follows');
    const failed: ProgressEvent = { type: 'destination-failed', destination: 'z', error: new Error('gone') };
    state.apply(failed, 0);
    assert.equal(eventLine(failed, state, false), 'z failed, the others have the image');
    assert.equal(line('y'), undefined);
  });

  test('tell of a failed destination while others go on, and not when all is over', () => {
    const failed = (destination: string, error: Error): ProgressEvent => ({
      type: 'destination-failed',
      destination,
      error,
    });
    const state = stateAfter(plan([layer('a', 1)], 'x', 'y'), failed('x', new Error('gone')));
    assert.equal(eventLine(failed('x', new Error('gone')), state, false), 'x failed, the others go on');
    assert.equal(eventLine(failed('x', new NixpushError('ERR_ABORTED', 'stopped')), state, false), undefined);
    state.apply(failed('y', new Error('gone')), 0);
    assert.equal(eventLine(failed('y', new Error('gone')), state, false), undefined);
  });

  test('end with a summary for each destination that was reached', () => {
    const one = stateAfter(plan([layer('a', 1), layer('b', 1)], 'x'), done(0, 'x'), done(1, 'x', 'exists'));
    assert.deepEqual(summaryLines(one, 3200), [
      'pushed 2 layers, 1 sent (1.0 MiB), 1 already there, in 3.2 s',
    ]);
    const gone: ProgressEvent = { type: 'destination-failed', destination: 'y', error: new Error('gone') };
    const two = stateAfter(plan([layer('a', 1)], 'x', 'y'), done(0, 'x', 'mounted'), gone);
    assert.deepEqual(summaryLines(two, 0), ['pushed 1 layer to x, none sent, 1 mounted, in 0.0 s']);
  });
});

describe('the display', () => {
  test('is live on a terminal only, and not in CI or on a dumb one', () => {
    const terminal = { isTTY: true };
    assert.equal(canDraw(terminal, { TERM: 'xterm' }), true);
    assert.equal(canDraw(terminal, { TERM: 'xterm', CI: 'true' }), false);
    assert.equal(canDraw(terminal, { TERM: 'dumb' }), false);
    assert.equal(canDraw({}, { TERM: 'xterm' }), false);
  });

  test('shows warnings and nothing else if quiet', () => {
    let text = '';
    const stream = { write: (more: string) => (text += more) } as unknown as NodeJS.WriteStream;
    const progress = openProgress(stream, {}, { quiet: true, verbose: false });
    progress.listener(plan([layer('a', 1)], 'x'));
    progress.listener({ type: 'warning', message: 'odd' });
    progress.listener(done(0, 'x'));
    progress.finish();
    assert.equal(text, 'warning: odd\n');
  });

  test('on a terminal tells once of a registry that all layers wait for', () => {
    const terminal = new FakeTerminal();
    const stream = Object.assign(terminal, { isTTY: true }) as unknown as NodeJS.WriteStream;
    const progress = openProgress(stream, { TERM: 'xterm' }, { quiet: false, verbose: false });
    progress.listener(plan([layer('a', 1), layer('b', 1)], 'ghcr.io/me/x'));
    for (const milliseconds of [400, 300, 500])
      progress.listener({ type: 'wait', destination: 'ghcr.io', reason: 'gone', milliseconds });
    progress.stop();
    assert.deepEqual(terminal.screen, ['waiting 0.4 s: gone']);
  });

  test('on a terminal ends clean, with the summary', () => {
    const terminal = new FakeTerminal();
    const stream = Object.assign(terminal, { isTTY: true }) as unknown as NodeJS.WriteStream;
    const progress = openProgress(stream, { TERM: 'xterm' }, { quiet: false, verbose: false });
    progress.listener(plan([layer('a', 1)], 'x'));
    progress.listener({ type: 'layer-start', layer: 0 });
    progress.listener({ type: 'warning', message: 'odd' });
    assert.equal(terminal.screen.length, 3);
    progress.listener(done(0, 'x'));
    progress.finish();
    assert.equal(terminal.screen[0], 'warning: odd');
    assert.match(terminal.screen[1] ?? '', /^pushed 1 layer, 1 sent/);
    assert.equal(terminal.screen.length, 2);
    assert.equal(terminal.cursorShown, true);
  });
});
