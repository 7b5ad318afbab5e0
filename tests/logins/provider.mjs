// An OpenID Connect provider on the loopback interface, for tests.
//
// node provider.mjs PORT GATEWAY
//
// GATEWAY is the address to which browsers return. Commands are lines of JSON on standard input,
// each answered by one on standard output:
//   {"do": "sign", "header": {…}, "claims": {…}, "with": "current" | "other" | "none" | "public"}
//   {"do": "rotate"}   new keys, as a provider has them from time to time
//   {"do": "keys", "keys": {"is": …}}   what is listed as keys, whatever that is; null: the keys
//   {"do": "away", "away": true}   all connections are refused
import crypto from "node:crypto";
import http from "node:http";
import readline from "node:readline";
import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT } from "jose";
import Provider from "oidc-provider";

// standard output is for answers
console.info = console.warn = console.error;

const [port, gateway] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;
const MEMBERS = { ada: ["/km3net", "/km3net/arca"], eve: ["/others"] };

async function newKey() {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const kid = crypto.randomUUID();
  return { privateKey, publicKey, jwk: { ...(await exportJWK(privateKey)), kid, alg: "RS256", use: "sig" } };
}

let key;
let callback;
let listed = null;
let sockets = new Set();
const other = await newKey();

async function renew() {
  key = await newKey();
  const provider = new Provider(issuer, {
    jwks: { keys: [key.jwk] },
    clients: [
      {
        client_id: "job",
        client_secret: "for tests only",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: "script",
        token_endpoint_auth_method: "none",
        grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: "gateway",
        client_secret: "for-tests-of-the-gateway",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: [`${gateway}/login/back`],
        post_logout_redirect_uris: [`${gateway}/`],
      },
    ],
    cookies: { keys: ["for tests only"] },
    features: {
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => gateway,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => ({
          scope: "openid",
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    claims: { openid: ["sub"], groups: ["groups"] },
    // a job has the groups of its owner; a program of its own, those that its client has
    extraTokenClaims: (_, token) => ({
      "wlcg.groups": MEMBERS[token.accountId] ?? (token.clientId === "job" ? ["/km3net"] : []),
    }),
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, groups: MEMBERS[id] ?? [] }),
    }),
  });
  callback = provider.callback();
}

async function sign({ header = {}, claims = {}, with: by = "current" }) {
  const now = Math.floor(Date.now() / 1000);
  const all = { iss: issuer, sub: "ada", aud: gateway, iat: now, exp: now + 600, ...claims };
  for (const name of Object.keys(all)) if (all[name] === null) delete all[name];
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  if (by === "none") return `${encode({ alg: "none", kid: key.jwk.kid, ...header })}.${encode(all)}.`;
  if (by === "public") {
    const start = `${encode({ alg: "HS256", kid: key.jwk.kid, ...header })}.${encode(all)}`;
    const secret = await exportSPKI(key.publicKey);
    return `${start}.${crypto.createHmac("sha256", secret).update(start).digest("base64url")}`;
  }
  const full = { alg: "RS256", kid: key.jwk.kid, ...header };
  if (full.kid === null) delete full.kid;
  const private_ = await importJWK(by === "other" ? other.jwk : key.jwk, full.alg);
  return new SignJWT(all).setProtectedHeader(full).sign(private_, { crit: { invented: true } });
}

const server = http.createServer((request, response) => {
  if (listed && request.url === "/jwks") {
    response.setHeader("Content-Type", "application/jwk-set+json");
    response.end(JSON.stringify({ keys: listed.is }));
  } else callback(request, response);
});
server.on("connection", (socket) => {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
});
const listen = () => new Promise((done) => server.listen(Number(port), "localhost", done));

await renew();
await listen();
console.log(JSON.stringify({ issuer }));
const obey = {
  sign,
  rotate: () => renew().then(() => true),
  keys: async (asked) => ((listed = asked.keys), true),
  away: async (asked) => {
    if (!asked.away) await listen();
    else {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    }
    return true;
  },
};
readline
  .createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const asked = JSON.parse(line);
    console.log(JSON.stringify(await obey[asked.do](asked)));
  })
  .on("close", () => process.exit());
