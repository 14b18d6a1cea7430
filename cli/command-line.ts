/**
 * Every command with its arguments and options. What a command does is loaded when it is given,
 * so that `shoal version` is quick.
 */
import { type Command, Option } from 'commander';
import { INSTANCES_MAX, phases } from '../subjects/index.ts';
import { parseLabel, parseLetter, parseNumber, parseSince, waitOption } from './arguments.ts';
import { addBackupCommands } from './backup/command-line.ts';
import type { ApplyOptions } from './commands/apply.ts';
import type { DecisionOptions } from './commands/decisions.ts';
import type { DeleteOptions } from './commands/delete.ts';
import type { EventsOptions } from './commands/events.ts';
import type { GetOptions } from './commands/get.ts';
import type { LogsOptions } from './commands/logs.ts';
import type { ReplayOptions } from './commands/replay.ts';
import type { ScheduleOrder } from './commands/schedule.ts';
import { addCompletionCommands } from './completion/command-line.ts';
import { addContextCommands } from './contexts/command-line.ts';
import { addDebugCommands } from './debug/command-line.ts';
import { addEditingCommands } from './editing/command-line.ts';
import { addNodeCommands } from './node/command-line.ts';
import { nounOf } from './nouns.ts';
import { EVENTS_MAX, TAIL_MAX } from './paths.ts';
import { addPoolCommands } from './pool/command-line.ts';
import { addRolloutCommands } from './rollout/command-line.ts';
import { addSessionCommands } from './session/command-line.ts';
import type { Session, Shell } from './shell.ts';
import { addSiteCommands } from './site/command-line.ts';
import { addTopCommands } from './top/command-line.ts';

/** What the commands are given, and where they tell how they ended. */
export interface Wiring {
  readonly shell: Shell;
  session(command: Command): Session;
  /** An exit code of `exitCodes`, or that of a command in an instance. */
  end(code: number): void;
}

export function addCommands(program: Command, wiring: Wiring): void {
  addManifestCommands(program, wiring);
  addEditingCommands(program, wiring);
  addDecisions(program, wiring);
  addReplay(program, wiring);
  addReading(program, wiring);
  addEndpoints(program, wiring);
  addChanges(program, wiring);
  addStreams(program, wiring);
  addSessionCommands(program, wiring);
  addNodeCommands(program, wiring);
  addTopCommands(program, wiring);
  addRolloutCommands(program, wiring);
  addScheduleCommands(program, wiring);
  addPoolCommands(program, wiring);
  addDeadCommands(program, wiring);
  addBackupCommands(program, wiring);
  addRetentionCommands(program, wiring);
  addDebugCommands(program, wiring);
  addBusCommands(program, wiring);
  addSiteCommands(program, wiring);
  addContextCommands(program, wiring);
  addCompletionCommands(program, wiring);
}

const FILE = [
  '-f, --file <file>',
  'a manifest, a folder of them, or - for stdin; may be repeated',
] as const;

function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function addManifestCommands(program: Command, { session, end }: Wiring): void {
  program
    .command('apply')
    .summary('make what manifests want the truth')
    .description('Creates or changes what manifests name. The same again changes nothing.')
    .requiredOption(...FILE, repeated)
    .option('--dry-run', 'say what would come of it, and change nothing')
    .addOption(waitOption('services are ready and jobs have ended'))
    .action(async (options: ApplyOptions, command: Command) => {
      const { apply } = await import('./commands/apply.ts');
      end(await apply(session(command), options));
    });
}

function addDecisions(program: Command, { session, end }: Wiring): void {
  program
    .command('explain')
    .summary('where a workload would go or went, and why not elsewhere')
    .description(
      'With -f: each node with what it would get or what removed it, by the gateway. With a name: what was decided about it, kept for a day, from the bus itself (SHOAL_NATS, SHOAL_SEED). Changes nothing.',
    )
    .argument('[name]', 'a workload, or the id of an instance')
    .option(...FILE, repeated)
    .option('--now', 'what would be decided now about the workload, not what was')
    .option(
      '--at <when>',
      'the decision of a moment (RFC 3339) or of so long ago (10m)',
      parseSince,
    )
    .option('--all', 'a line for each decision that is kept')
    .action(async (name: string | undefined, options: ExplainOptions, command: Command) => {
      if ((name === undefined) === (options.file === undefined)) {
        command.error('error: give a name, or manifests with -f');
      }
      if (name === undefined) {
        const { explain } = await import('./commands/explain.ts');
        end(await explain(session(command), { file: options.file ?? [] }));
        return;
      }
      const { explainDecided, explainNow } = await import('./commands/decisions.ts');
      const run = options.now ? explainNow : explainDecided;
      end(await run(session(command), name, options));
    });
}

function addReplay(program: Command, { session, end }: Wiring): void {
  program
    .command('replay')
    .summary('whether this version would choose the nodes that were chosen')
    .description(
      'Decides again what is kept, for a day, about a workload, an instance, or all workloads of the tenant: for each instance between the nodes the decision tells of. From the bus itself (SHOAL_NATS, SHOAL_SEED). Ends with 1 where an instance would go elsewhere. Changes nothing.',
    )
    .argument('[name]', 'a workload, or the id of an instance')
    .option(
      '--since <when>',
      'no older than a span (10m), or since a moment (RFC 3339)',
      parseSince,
    )
    .action(async (name: string | undefined, options: ReplayOptions, command: Command) => {
      const { replayDecided } = await import('./commands/replay.ts');
      end(await replayDecided(session(command), name, options));
    });
}

interface ExplainOptions extends DecisionOptions {
  readonly file?: readonly string[];
  readonly now?: boolean;
}

const WHAT = 'workloads (wl), instances (inst), nodes (no), schedules (sched) or pools';

function addReading(program: Command, { session, end }: Wiring): void {
  program
    .command('get')
    .summary('list workloads, instances, nodes, schedules or pools')
    .argument('<what>', WHAT)
    .argument('[name]', 'only this one')
    .option(
      '-l, --label <key=value>',
      'with this label, but for instances and nodes; may be repeated',
      parseLabel,
    )
    .addOption(new Option('--kind <kind>', 'workloads of this kind').choices(['service', 'job']))
    .option('--workload <name>', 'instances of this workload')
    .option('--node <id>', 'instances on this node')
    .addOption(new Option('--phase <phase>', 'instances in this phase').choices(phases))
    .option('-w, --watch', 'then each change as it is seen, until Ctrl-C')
    .action(
      async (what: string, name: string | undefined, options: GetOptions, command: Command) => {
        const { get } = await import('./commands/get.ts');
        end(await get(session(command), nounOf(what), name, options));
      },
    );
  program
    .command('describe')
    .summary('everything about one workload, instance, node, schedule or pool')
    .argument('<what>', 'workload, instance, node, schedule or pool')
    .argument('<name>')
    .action(async (what: string, name: string, _options: object, command: Command) => {
      const { describe } = await import('./commands/describe.ts');
      end(await describe(session(command), nounOf(what), name));
    });
}

function addEndpoints(program: Command, { session, end }: Wiring): void {
  program
    .command('endpoints')
    .summary('where the ready instances of a service take calls')
    .description(
      'Node, address and ports of each. To follow them: nats kv watch shoal endpoints.TENANT.NAME',
    )
    .argument('<name>', 'the service')
    .action(async (name: string, _options: object, command: Command) => {
      const { endpoints } = await import('./commands/endpoints.ts');
      end(await endpoints(session(command), name));
    });
}

function addChanges(program: Command, { session, end }: Wiring): void {
  program
    .command('delete')
    .summary('stop workloads or instances and take them away')
    .description('A workload goes with all its instances; in place of an instance comes another.')
    .argument('[what]', 'workload, instance, schedule or pool')
    .argument('[names...]')
    .option(...FILE, repeated)
    .addOption(waitOption('they are gone'))
    .action(
      async (
        what: string | undefined,
        names: string[],
        options: DeleteOptions,
        command: Command,
      ) => {
        const { remove } = await import('./commands/delete.ts');
        end(await remove(session(command), what, names, options));
      },
    );
  program
    .command('scale')
    .summary('change how many instances a workload has')
    .argument('<name>', 'the workload')
    .argument('[count]', 'how many', parseNumber(0, INSTANCES_MAX))
    .option('--count <n>', 'the same', parseNumber(0, INSTANCES_MAX))
    .addOption(waitOption('it is ready'))
    .action(
      async (
        name: string,
        given: number | undefined,
        { count = given, ...options }: { count?: number; wait?: number },
        command: Command,
      ) => {
        if (count === undefined || (given !== undefined && given !== count)) {
          command.error('error: say once how many: shoal scale NAME COUNT');
        }
        const { scale } = await import('./commands/scale.ts');
        end(await scale(session(command), name, { count, ...options }));
      },
    );
}

function addStreams(program: Command, { session, end }: Wiring): void {
  program
    .command('logs')
    .summary('what a workload or an instance printed')
    .argument('<name>', 'a workload, or the id of an instance')
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .option(
      '--since <when>',
      'no older than a span (10m), or since a moment (RFC 3339)',
      parseSince,
    )
    .option('--tail <n>', 'only the last lines', parseNumber(0, TAIL_MAX))
    .option('--sidecar <name>', 'only this sidecar; without: the program and all sidecars')
    .action(async (name: string, options: LogsOptions, command: Command) => {
      const { logs } = await import('./commands/logs.ts');
      end(await logs(session(command), name, options));
    });
  program
    .command('events')
    .summary('what happened to workloads, instances and nodes')
    .option('-w, --watch', 'go on with what happens, until Ctrl-C')
    .option('--workload <name>', 'to this workload and its instances')
    .option('--instance <id>', 'to this instance')
    .option('--node <id>', 'to this node')
    .option('--limit <n>', 'at most so many, the last ones', parseNumber(1, EVENTS_MAX))
    .action(async (options: EventsOptions, command: Command) => {
      const { events } = await import('./commands/events.ts');
      end(await events(session(command), options));
    });
}

const scheduleOrders: readonly (readonly [ScheduleOrder, string])[] = [
  ['pause', 'keep it from firing'],
  ['resume', 'let it fire again; what it would have done meanwhile is not made up for'],
  ['trigger', 'fire it now; what is planned stays'],
];

function addScheduleCommands(program: Command, { session, end }: Wiring): void {
  const schedule = program.command('schedule').summary('pause, resume or trigger a schedule');
  for (const [order, summary] of scheduleOrders) {
    schedule
      .command(order)
      .summary(summary)
      .argument('<name>')
      .action(async (name: string, _options: object, command: Command) => {
        const { orderSchedule } = await import('./commands/schedule.ts');
        end(await orderSchedule(session(command), order, name));
      });
  }
}

const letterOrders: readonly (readonly ['show' | 'replay' | 'drop', string])[] = [
  ['show', 'everything about a letter'],
  ['replay', 'put its message back where it came from'],
  ['drop', 'forget it'],
];

function addDeadCommands(program: Command, { session, end }: Wiring): void {
  const dead = program.command('dead').summary('what could not be handled: list, replay, drop');
  dead
    .command('ls')
    .summary('list dead letters')
    .action(async (_options: object, command: Command) => {
      const { listLetters } = await import('./commands/dead.ts');
      end(await listLetters(session(command)));
    });
  for (const [order, summary] of letterOrders) {
    dead
      .command(order)
      .summary(summary)
      .argument('<letter>', 'as `shoal dead ls` shows it: ACTOR/ID', parseLetter)
      .action(async (letter: string, _options: object, command: Command) => {
        const { showLetter, replayLetter, dropLetter } = await import('./commands/dead.ts');
        const act = { show: showLetter, replay: replayLetter, drop: dropLetter }[order];
        end(await act(session(command), letter));
      });
  }
}

function addRetentionCommands(program: Command, { session, end }: Wiring): void {
  const retention = program
    .command('retention')
    .summary("how much of a tenant's past is kept: read, set");
  retention
    .command('get')
    .summary('what is kept of instances, jobs, events, decisions and logs')
    .action(async (_options: object, command: Command) => {
      const { getRetention } = await import('./commands/retention.ts');
      end(await getRetention(session(command)));
    });
  retention
    .command('set')
    .summary('keep more or less')
    .description('Whichever limit is reached first counts; the oldest go first.')
    .argument('<limits...>', 'events.count=5000, logs.bytes=16Mi, jobs.age=2d, jobs.age=default')
    .action(async (limits: string[], _options: object, command: Command) => {
      const { setRetention } = await import('./commands/retention.ts');
      end(await setRetention(session(command), limits));
    });
}

function addBusCommands(program: Command, { shell, session, end }: Wiring): void {
  program
    .command('micro')
    .summary('the actors that answer on the bus, and their counts')
    .description('Asks the bus itself (SHOAL_NATS, SHOAL_SEED), not the gateway.')
    .argument('[actor]', 'only this one, e.g. shoal-scheduler')
    .argument('[id]', 'only this copy of it; agents answer only so: shoal-agent NODE')
    .action(
      async (
        name: string | undefined,
        id: string | undefined,
        _options: object,
        command: Command,
      ) => {
        const { micro } = await import('./commands/micro.ts');
        end(await micro(session(command), { name, id }));
      },
    );
  program
    .command('decode')
    .summary('one message of the bus on stdin, as JSON on stdout')
    .description("For `nats sub --translate 'shoal decode' 'shoal.>'`. Never fails.")
    .option('--subject <subject>', 'where it was sent: says what is wrong with it, if anything')
    .option('--pretty', 'on several lines')
    .action(async (options: { readonly subject?: string; readonly pretty?: boolean }) => {
      const { decodePayload } = await import('./commands/decode.ts');
      end(await decodePayload(shell, options));
    });
  program
    .command('version')
    .summary('versions of command line, gateway and nats-server')
    .action(async (_options: object, command: Command) => {
      const { version } = await import('./commands/version.ts');
      end(await version(session(command)));
    });
}
