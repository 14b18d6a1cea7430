/** Makes sure that a path that is there says which methods it takes to whoever uses another one. */
import type { FastifyInstance, RouteOptions } from 'fastify';
import { refusal } from '../../subjects/index.ts';
import { refuse } from './refuse.ts';

/** Notes the routes added from now on; the returned function answers for their other methods. */
export function watchMethods(app: FastifyInstance): () => void {
  const methodsOf = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }: RouteOptions) => {
    const methods = methodsOf.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each);
    methodsOf.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...methodsOf]) answerOthers(app, url, methods);
  };
}

function answerOthers(app: FastifyInstance, url: string, methods: ReadonlySet<string>): void {
  const allow = [...methods, 'OPTIONS'].sort().join(', ');
  app.route({
    url,
    method: app.supportedMethods.filter((each) => !methods.has(each)),
    schema: { hide: true },
    // Before the body is read: it does not matter.
    onRequest: async (request, reply) => {
      reply.header('Allow', allow);
      if (request.method === 'OPTIONS') return reply.code(204).send();
      const detail = `${request.method} is not one of ${allow}`;
      return refuse(reply, refusal('method-not-allowed', detail));
    },
    handler: async () => undefined,
  });
}
