/**
 * The network of an instance with sidecars: that of a container which does nothing else, so that every
 * part of the instance may end and begin again while the address and the ports stay. It is made of
 * the image of whichever part is started first, which is here, with a program of the driver's own.
 */
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { writeArchive } from '../../../archive/write.ts';
import type { StartInput } from '../../jobs.ts';
import { instanceOf } from '../../parts.ts';
import type { Lacking } from '../offers.ts';
import type { Kept } from '../run-folder.ts';
import { limitStarted } from './bandwidth.ts';
import { LABELS, networkOf } from './container.ts';
import { createContainer } from './create.ts';
import type { Engine } from './engine.ts';
import { waitingProgram } from './group-program.ts';

/** Longest that 129 bytes may take into a container, in milliseconds: the engine mounts its files for it. */
const PUT_MS = 15_000;
/** At the top of the container, where no image has anything of this name. */
const PROGRAM = 'shoal-wait';
/** Numbers that no image needs to know: it may do nothing that takes a right. */
const NOBODY = '65534:65534';

/** What cannot be had, and why, on machines for which there is no program that holds a network. */
export function noNetworkHeld(architecture: string): Lacking {
  if (waitingProgram(architecture)) return {};
  return { sidecars: `nothing holds their network on ${architecture}: use driver process` };
}

/** Name of the container that holds the network of an instance: there is one at most. */
export function holderName(agent: string, instance: string): string {
  return `shoal-${agent}-${instance}-network`;
}

/** What it is made of. The agent is another label than that of runs: versions before it leave it alone. */
function holderOptions(
  agent: string,
  input: StartInput,
  of: Pick<Kept, 'address' | 'ports'> & { readonly image: string },
): Docker.ContainerCreateOptions {
  const { tenant, workload } = input;
  const name = instanceOf(input.name);
  const { ExposedPorts, HostConfig } = networkOf(input, of);
  return {
    name: holderName(agent, name),
    Image: of.image,
    Entrypoint: [`/${PROGRAM}`],
    Cmd: [],
    User: NOBODY,
    WorkingDir: '/',
    Healthcheck: { Test: ['NONE'] },
    Labels: {
      ...{ [LABELS.holder]: agent, [LABELS.name]: name, [LABELS.role]: 'network' },
      ...{ 'shoal.tenant': tenant, 'shoal.workload': workload, 'shoal.instance': input.instance },
    },
    ExposedPorts,
    HostConfig: {
      ...HostConfig,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'none', Config: {} },
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
    },
  };
}

/** Makes and starts it. Throws with why not; what is there of it then is the caller's to remove. */
export async function holdNetwork(
  engine: Engine,
  of: Pick<Kept, 'address' | 'ports'> & {
    readonly agent: string;
    readonly input: StartInput;
    readonly image: string;
    /** Gets the image once more. */
    obtain(): Promise<void>;
    readonly stop: AbortSignal;
  },
): Promise<void> {
  const options = holderOptions(of.agent, of.input, of);
  const name = options.name ?? '';
  await createContainer(engine, options, of.obtain);
  const stop = AbortSignal.any([of.stop, AbortSignal.timeout(PUT_MS)]);
  await engine.putArchive(name, programArchive(), { path: '/', stop });
  await engine.start(name);
  // Before any part of it runs.
  await limitStarted(engine, name, of.input);
}

function programArchive(): Readable {
  const program = waitingProgram(process.arch) ?? Buffer.alloc(0);
  const header = { name: PROGRAM, type: 'file', mode: 0o555, size: program.length } as const;
  return Readable.from(writeArchive((add) => add(header, Readable.from([program]))));
}
