/** What holds a workload up, for whoever watches it come. */
import { instancesPath } from './paths.ts';
import { instanceNote } from './present/instances.ts';
import type { InstanceShape, List } from './shapes.ts';
import type { Session } from './shell.ts';

/** What the first instance that is not ready is up to: how far its image is, its probe, its command. */
export async function holdUp(
  { gateway }: Session,
  { tenant, name }: { readonly tenant: string; readonly name: string },
): Promise<string | undefined> {
  const { items } = await gateway.read<List<InstanceShape>>(instancesPath, {
    ...{ tenant, workload: name },
  });
  const note = items.map((each) => [each, instanceNote(each)] as const);
  const found = note.find(([{ outcome }, text]) => outcome === undefined && text !== undefined);
  return found && `${found[0].instance}: ${found[0].phase}, ${found[1]}`;
}
