import { describe, expect, test } from 'vitest';
import { age } from '../../../cli/present/ages.ts';
import { explanationText } from '../../../cli/present/explanation.ts';
import { instanceTable, instanceText } from '../../../cli/present/instances.ts';
import { nodeTable, nodeText } from '../../../cli/present/nodes.ts';
import { refusalText } from '../../../cli/present/refusal.ts';
import { stateText, workloadTable, workloadText } from '../../../cli/present/workloads.ts';
import type { DryRunShape } from '../../../cli/shapes.ts';
import { pairs, table } from '../../../cli/table.ts';
import { refusals } from '../../../subjects/index.ts';
import { at, events, hello, helloReady, instances, job, lostNode, node } from './fabric.ts';
import { NOW } from './stub-gateway.ts';

describe('tables', () => {
  test('align, show nothing as a dash, and let nothing move the cursor', () => {
    const rows = [
      { name: 'ä', size: 5, note: 'one\r\n\u001b[2Jline' },
      { name: 'longer', size: 12_345, note: undefined },
    ];
    const text = table<(typeof rows)[number]>(
      [
        { title: 'name', text: (row) => row.name },
        { title: 'size', text: (row) => row.size, align: 'right' },
        { title: 'note', text: (row) => row.note },
      ],
      rows,
    );
    expect(text).toMatchInlineSnapshot(`
      "NAME     SIZE  NOTE
      ä           5  one [2Jline
      longer  12345  -"
    `);
    expect(
      pairs([
        ['a', 1],
        ['longer', undefined],
        ['bc', 'x\ny'],
      ]),
    ).toBe('a   1\nbc  x y');
  });

  test.each([
    [0, '0s'],
    [-5, '0s'],
    [0.9, '0s'],
    [7.4, '7s'],
    [59, '59s'],
    [190, '3m10s'],
    [7_200, '2h'],
    [200_000, '2d7h'],
  ])('the age of %d seconds', (seconds, expected) => {
    expect(age(at(seconds), NOW)).toBe(expected);
  });

  test('the age of what is no moment', () => {
    expect(age(undefined, NOW)).toBeUndefined();
    expect(age('yesterday', NOW)).toBeUndefined();
  });
});

describe('workloads', () => {
  test('in a table', () => {
    expect(workloadTable([job, hello], NOW)).toMatchInlineSnapshot(`
      "NAME            KIND     STATE        READY     GENERATION  AGE    URL
      count-to-three  job      succeeded    1/1 done           1  1m35s  -
      hello           service  progressing  1/3                2  3m10s  http://hello.localhost:8481/"
    `);
  });

  test('one', () => {
    expect(workloadText(hello, { instances, events, now: NOW })).toMatchInlineSnapshot(`
      "Workload    hello (service of tenant default)
      State       progressing: 1 of 3 ready, 1 pending, 1 waiting for a node
      Generation  2
      Created     3m10s ago (2026-11-21T09:56:50.000Z)
      Labels      app=hello
      URL         http://hello.localhost:8481/
      Last        scaled: from 1 to 3 (12s ago)

      Spec
        count: 3
        driver: process
        command:
          - node
          - server.mjs
        ports:
          - name: http

      Instances
        INSTANCE     WORKLOAD  PHASE        NODE  EPOCH  RESTARTS  AGE    ENDPOINT         NOTE
        hello-a1b2c  hello     ready        n1        1         0  3m10s  127.0.0.1:40112  -
        hello-d3e4f  hello     pending      -         0         0  12s    -                0 of 3 nodes fit: removed 1 by accepts, 2 by resources
        hello-g5h6i  hello     backing-off  n2        2         4  12s    -                exited with code 1; again in 4s

      Events
        AGE    WHAT      NAME         VERB     MESSAGE
        3m10s  workload  hello        created  service of 1
        3m9s   instance  hello-a1b2c  placed   on n1 at epoch 1"
    `);
  });

  test('one of containers says that only probes of its spec count', () => {
    const text = (spec: object) => {
      const of = { ...hello, spec: { ...hello.spec, driver: 'docker', ...spec } };
      return workloadText(of, { instances: [], events: [], now: NOW });
    };
    const said = /^Probes +none: ready when its ports take connections; the HEALTHCHECK/m;
    expect(text({})).toMatch(said);
    expect(text({ probes: {} })).toMatch(said);
    expect(text({ probes: { liveness: { tcp: { port: 'http' } } } })).not.toMatch(/^Probes/m);
    expect(text({ driver: 'process' })).not.toMatch(/^Probes/m);
  });

  test('their state in words', () => {
    expect(
      [hello, helloReady, job, { ...job, outcome: undefined }].map((each) =>
        stateText(each as never),
      ),
    ).toMatchInlineSnapshot(`
      [
        "progressing: 1 of 3 ready, 1 pending, 1 waiting for a node",
        "3 of 3 ready",
        "succeeded: 1 instance succeeded",
        "succeeded: 1 of 1 done",
      ]
    `);
  });
});

describe('instances', () => {
  test('in a table', () => {
    expect(instanceTable(instances, NOW)).toMatchInlineSnapshot(`
      "INSTANCE     WORKLOAD  PHASE        NODE  EPOCH  RESTARTS  AGE    ENDPOINT         NOTE
      hello-a1b2c  hello     ready        n1        1         0  3m10s  127.0.0.1:40112  -
      hello-d3e4f  hello     pending      -         0         0  12s    -                0 of 3 nodes fit: removed 1 by accepts, 2 by resources
      hello-g5h6i  hello     backing-off  n2        2         4  12s    -                exited with code 1; again in 4s"
    `);
  });

  test('one that is not ready says why, and one that was restarted why that was', () => {
    const message = 'readiness probe failed: HTTP 503 from /ready';
    const lastEnd = { at: at(60), message: 'liveness probe failed 3 times: exited with 1' };
    const one = { ...instances[0]!, phase: 'running', ready: false, message, lastEnd } as const;
    expect(instanceTable([one], NOW).split('\n')[1]).toMatch(new RegExp(`${message}$`));
    const text = instanceText(one, { events: [], now: NOW });
    expect(text).toContain(`Phase       running: ${message}\n`);
    expect(text).toContain('Last end    liveness probe failed 3 times: exited with 1 (1m ago)\n');
    expect(instanceTable([{ ...one, kind: 'job' }], NOW)).not.toContain('NOTE');
  });

  test('one that is limited says to what', () => {
    const limits = { memory: '64Mi', bandwidth: '8M', iops: 'low' };
    const text = instanceText({ ...instances[0]!, limits }, { events: [], now: NOW });
    expect(text).toContain('Limits      memory 64Mi, bandwidth 8M, iops low\n');
  });

  test('one that runs and one that waits', () => {
    expect(instanceText(instances[0]!, { events, now: NOW })).toMatchInlineSnapshot(`
      "Instance    hello-a1b2c (of service hello, tenant default)
      Phase       ready: running
      Node        n1
      Endpoint    127.0.0.1:40112
      Process     4711
      Started     3m8s ago
      Created     3m10s ago (2026-11-21T09:56:50.000Z)
      Epoch       1
      Attempt     1
      Restarts    0
      Generation  1

      Events
        AGE    WHAT      NAME         VERB     MESSAGE
        3m10s  workload  hello        created  service of 1
        3m9s   instance  hello-a1b2c  placed   on n1 at epoch 1"
    `);
    expect(instanceText(instances[1]!, { events: [], now: NOW })).toMatchInlineSnapshot(`
      "Instance    hello-d3e4f (of service hello, tenant default)
      Phase       pending: created
      Node        none
      Waiting     0 of 3 nodes fit: removed 1 by accepts, 2 by resources (11s ago)
      Created     12s ago (2026-11-21T09:59:48.000Z)
      Epoch       0
      Attempt     1
      Restarts    0
      Generation  1

      Events
        none in the last day"
    `);
  });
});

describe('nodes', () => {
  test('in a table', () => {
    expect(nodeTable([node, lostNode], NOW)).toMatchInlineSnapshot(`
      "NODE   STATE    CLASS   ARCH     CPU     MEMORY  INSTANCES  DRIVERS  AGE   NOTE
      n1     ready    steady  x64   100m/2  128Mi/1Gi          1  process  1h1m  -
      phone  offline  mobile  x64      0/2      0/1Gi          0  process  1h1m  unheard for 90s"
    `);
  });

  test('with what only some nodes have', () => {
    const capacity = { ...node.capacity, bandwidthBps: 1e9, devices: { gpu: 2, '/dev/kvm': 9 } };
    const booked = { ...node.booked, bandwidthBps: 1e8, devices: { gpu: 1 } };
    const more = { ...node, capacity, booked, iops: 'high' as const };
    const text = nodeText(more, { instances, events: [], now: NOW });
    expect(text).toContain('Disk class   high');
    expect(text).toMatch(
      /bandwidth +1Gbit\/s +100Mbit\/s +900Mbit\/s\n +\/dev\/kvm +9 +0 +9\n +gpu +2 +1 +1\n/,
    );
    expect(nodeTable([more, lostNode], NOW)).toMatch(/DEVICES .*\n.* gpu 1\/2, \/dev\/kvm 0\/9 /);
  });

  test('with a driver whose engine is away', () => {
    const away = 'the engine at /run/e.sock does not answer';
    const drivers = { ...node.drivers, docker: { enforces: [], notEnforced: {}, away } };
    const more = { ...node, drivers };
    expect(nodeTable([more], NOW)).toContain('process, docker (away)');
    const text = nodeText(more, { instances, events: [], now: NOW });
    expect(text).toContain(`docker (starts nothing now: ${away})`);
  });

  test('one', () => {
    expect(nodeText(node, { instances, events: [], now: NOW })).toMatchInlineSnapshot(`
      "Node         n1 (steady, linux x64)
      State        ready
      Last         ready: joined (1h1m ago)
      Host         box at 127.0.0.1, agent 0.1.0
      Labels       zone=garage
      Enrolled     1h1m ago (2026-11-21T08:58:20.000Z)
      Incarnation  1
      Drivers      process (enforces memory; cpu not enforced: no cgroup here)
      Disk class   unknown

      Capacity
        WHAT    THERE IS  BOOKED   FREE
        cpu            2    100m  1900m
        memory       1Gi   128Mi  896Mi
        disk        10Gi       0   10Gi

      Live use (4s ago)
        cpu      312m
        memory   400Mi
        disk     3Gi
        load     0.40
        agent    61Mi
        battery  87 %, charging

      Instances
        INSTANCE     WORKLOAD  TENANT   PHASE  EPOCH   CPU  MEMORY
        hello-a1b2c  hello     default  ready      1  100m   128Mi

      Events
        none in the last day"
    `);
  });
});

describe('an explanation', () => {
  const answer: DryRunShape = {
    name: 'hello',
    change: 'created',
    explanation: {
      nodes: 3,
      feasible: 1,
      possible: 2,
      removed: { accepts: 1, driver: 1 },
      impossible: { driver: 1 },
      drivers: ['docker', 'process'],
      placed: 2,
      choice: [{ node: 'n1', count: 2 }],
      table: [
        { node: 'n1', score: 0.9312 },
        { node: 'n2', removedBy: 'accepts', detail: 'cordoned' },
        { node: 'phone', removedBy: 'driver', detail: 'offers docker' },
      ],
    },
  };
  const what = { kind: 'service', name: 'hello', count: 3 };

  test('of what fits in part', () => {
    expect(explanationText(what, answer)).toMatchInlineSnapshot(`
      "service hello: 2 of 3 instances would be placed now, 1 would wait for room
        applying would  create it
        nodes           3; 1 could take one instance now, 2 if empty and ready
        choice          n1 ×2
        removed         1 by accepts, 1 by driver
        never fit       1 by driver

      NODE     FIT  GETS  REMOVED BY  WHY
      n1     0.931     2  -           -
      n2         -     -  accepts     cordoned
      phone      -     -  driver      offers docker"
    `);
  });

  test('of what fits nowhere, and of a fabric without nodes', () => {
    const explanation = {
      ...answer.explanation,
      feasible: 0,
      possible: 0,
      placed: 0,
      choice: [],
      table: [],
    };
    expect(explanationText(what, { ...answer, explanation }).split('\n')[0]).toMatchInlineSnapshot(
      `"service hello: refused: no node could ever hold one instance"`,
    );
    // Only a new spec is held against what nodes could hold.
    const scaled = { ...answer, change: 'scaled', explanation } as const;
    expect(explanationText(what, scaled).split('\n').slice(0, 2)).toEqual([
      'service hello: 0 of 3 instances would be placed now, 3 would wait for room',
      '  applying would  change how many instances it has',
    ]);
    expect(
      explanationText(what, { ...answer, explanation: { ...explanation, nodes: 0 } }),
    ).toMatchInlineSnapshot(
      `"service hello: 0 of 3 instances would be placed now: there are no nodes yet, all would wait"`,
    );
  });
});

test('every refusal reads well, and its code can be looked up', () => {
  const texts = Object.entries(refusals).map(([code, { user, retry, http }]) =>
    refusalText({ title: user, status: http, detail: 'why', code, id: 'r-1', retry, places: [] }),
  );
  for (const text of texts)
    expect(text).toMatch(/^error: [A-Z].+\.\n {2}why\n {2}code [a-z-]+, id r-1/);
  const places = [{ path: 'spec.cout', message: 'unknown key' }];
  const once = { title: 'No.', status: 422, code: 'manifest-malformed', id: 'r-3' } as const;
  const detail = 'spec.cout: unknown key';
  expect(refusalText({ ...once, detail, retry: 'never', places }).split(detail)).toHaveLength(2);
  const malformed = { title: 'No.', status: 422, code: 'manifest-malformed', id: 'r-2' } as const;
  expect(refusalText({ ...malformed, detail: '', retry: 'never', places })).toMatchInlineSnapshot(`
    "error: No.
      spec.cout: unknown key
      code manifest-malformed, id r-2
      next: correct that line; \`shoal apply -f FILE --dry-run\` tries it"
  `);
});
