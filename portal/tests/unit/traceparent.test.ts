import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traceparent } from '../../src/lib/traceparent.ts';

test('an id of 32 hexadecimal digits is the trace id', () => {
  const id = '4bf92f3577b34da6a3ce929d0e0e4736';
  assert.match(traceparent(id), new RegExp(`^00-${id}-[0-9a-f]{16}-01$`));
});

test('another id gives the trace id that Django derives from it', () => {
  // common/tracing.py: trace_id_of('portal:8')
  assert.equal(traceparent('portal:8').split('-')[1], 'a20d6c1d835b81751ce558a1d8bee1fb');
});

test('two calls of one request are two spans', () => {
  assert.notEqual(traceparent('portal:8'), traceparent('portal:8'));
});
