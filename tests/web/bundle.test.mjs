// The web example's bundle, as it is built for whoever serves it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TOKEN_KEY, build, bundle } from "./stage.mjs";

test("the bundle is built, and holds no key and no token", () => {
  build();
  const files = bundle();
  assert.ok(files.length > 0);
  for (const file of files) {
    assert.doesNotMatch(file, /sk-[a-z0-9-]{8}|dsl-[0-9a-f]{8}|eyJ[\w-]{8,}\./);
    assert.ok(!file.includes(TOKEN_KEY));
  }
});
