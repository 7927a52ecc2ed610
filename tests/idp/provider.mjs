// A real identity provider for the tests: OpenID Connect by oidc-provider, with people who do not exist.
// Usage: node provider.mjs PORT REDIRECT_URI KEY_SEED; says "ready" on standard output once it answers.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, redirect, kid] = process.argv.slice(2);
const people = {
  maria: { groups: ['clinicians', 'everybody'], fhirUser: 'Practitioner/7', preferred_username: 'maria' },
  olga: { groups: ['it'], preferred_username: 'olga' },
  pat: { groups: ['patients'], fhirUser: 'Patient/7', preferred_username: 'pat' },
  elsewhere: { groups: ['patients'], fhirUser: 'https://other.example/fhir/Patient/7', preferred_username: 'pat' },
  nobody: { groups: ['kitchen'], preferred_username: 'nobody' },
};
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'salus', client_secret: 'a-secret-of-the-tests', redirect_uris: [redirect],
    response_types: ['code'], grant_types: ['authorization_code'],
  }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }] },
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups', 'fhirUser'] },
  pkce: { required: () => true },
  cookies: { keys: ['only-for-tests'] },
  async findAccount(_, sub) {
    return people[sub] && { accountId: sub, claims: async () => ({ sub, ...people[sub] }) };
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
