/** Makes sure that editors and other programs know the manifest's form: its JSON Schema. */
import { z } from 'zod';
import { MANIFEST_VERSION, manifestKinds, manifestSchema } from '../subjects/index.ts';

type Json = z.core.JSONSchema.JSONSchema;

const MANIFEST_SCHEMA_ID = `https://shoal.dev/schemas/${MANIFEST_VERSION}/manifest.json`;

/** The JSON Schema (draft 2020-12) of what a person may write; a new object at each call. */
export function manifestJsonSchema(): Json {
  const { $schema, oneOf, ...rest } = z.toJSONSchema(manifestSchema, { io: 'input' });
  return {
    $schema,
    $id: MANIFEST_SCHEMA_ID,
    title: 'Shoal manifest',
    description:
      'A workload, a schedule or a pool with its name, as `shoal apply` reads it from YAML or JSON.',
    ...rest,
    oneOf: (oneOf ?? []).map((branch, index) => ({
      title: `A ${manifestKinds[index]}`,
      ...branch,
    })),
  } as Json;
}

let branches: ReadonlyMap<unknown, Json> | undefined;

/** The keys a mapping at this place of a manifest may have; none where any key is allowed. */
export function keysAt(kind: unknown, path: readonly PropertyKey[]): readonly string[] {
  branches ??= new Map((manifestJsonSchema().oneOf ?? []).map((each) => [kindOf(each), each]));
  let at: Json | undefined = branches.get(kind) ?? [...branches.values()][0];
  for (const step of path) {
    at = typeof step === 'number' ? oneJson(at?.items) : oneJson(at?.properties?.[String(step)]);
  }
  return Object.keys(at?.properties ?? {});
}

function kindOf(branch: Json): unknown {
  return oneJson(branch.properties?.['kind'])?.const;
}

function oneJson(value: unknown): Json | undefined {
  const isOne = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isOne ? (value as Json) : undefined;
}
