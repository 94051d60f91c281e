import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export const ISSUER = 'https://issuer.example.com';
export const AUDIENCE = 'stationmaster';

export type Issuer = Awaited<ReturnType<typeof startIssuer>>;
export type IssuerKey = Awaited<ReturnType<Issuer['publishNewKey']>>;

/** A token issuer on this machine: it publishes public keys over HTTP and signs with the private ones. */
export async function startIssuer() {
  let keys: JWK[] = [];
  let fault: { status: number; body: string } | 'silence' | null = null;
  let held: ServerResponse[] = [];
  let patience = new AbortController();
  let requests = 0;

  const answer = (response: ServerResponse) => {
    if (fault === 'silence') {
      held.push(response);
      return patience.abort();
    }
    const { status, body } = fault ?? { status: 200, body: JSON.stringify({ keys }) };
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body);
  };
  const server = createServer((_request, response) => {
    requests += 1;
    answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    get requests() {
      return requests;
    },
    publish: (key: JWK) => void keys.push(key),
    withdrawKeys: () => {
      keys = [];
    },
    answerWith: (status: number, body: string) => {
      fault = { status, body };
    },
    /** A time limit for callers: it is over as soon as a request arrives that will not be answered. */
    patience: () => {
      patience = new AbortController();
      return patience.signal;
    },
    /** Accepts requests and does not answer them. */
    fallSilent: () => {
      fault = 'silence';
    },
    /** Answers again, including the requests that are still waiting. */
    answerWithKeys: () => {
      fault = null;
      for (const response of held) answer(response);
      held = [];
    },
    async publishNewKey(algorithm: string) {
      const { publicKey, privateKey } = await generateKeyPair(algorithm);
      const kid = crypto.randomUUID();
      keys.push({ ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' });
      return {
        kid,
        publicKey,
        /** Signs a token for an hour. `undefined` omits a claim or the key's id. */
        sign: (claims: JWTPayload = {}, header: { kid?: string | undefined } = { kid }) => {
          const exp = Math.floor(Date.now() / 1000) + 3600;
          return new SignJWT({ roles: ['VIEWER'], iss: ISSUER, sub: 'ada', aud: AUDIENCE, exp, ...claims })
            .setProtectedHeader({ alg: algorithm, ...(header.kid !== undefined && { kid: header.kid }) })
            .sign(privateKey);
        },
      };
    },
    async close() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
