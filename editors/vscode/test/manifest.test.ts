import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { isOlder, MINIMUM_VERSION } from "../src/environment/version";

const own = join(__dirname, "..");
const manifest = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as {
  version: string;
  capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
  contributes: {
    commands: { command: string }[];
    configuration: { properties: Record<string, { scope: string }> };
    walkthroughs: { steps: { description: string; media: { image: string }; completionEvents: string[] }[] }[];
  };
};

describe("the manifest", () => {
  it("has the settings that the server declares", () => {
    execFileSync(process.execPath, [join(own, "scripts", "generate.mjs"), "--check"]);
  });

  it("does not let an untrusted workspace say which programs are run", () => {
    const { properties } = manifest.contributes.configuration;
    const restricted = manifest.capabilities.untrustedWorkspaces.restrictedConfigurations;
    expect(restricted).toContain("imageLsp.path");
    expect(restricted).toContain("imageLsp.python");
    for (const name of restricted) {
      expect(properties[name]?.scope).toBe("machine-overridable");
    }
  });

  it("has a walkthrough whose commands and pictures there are", () => {
    const commands = new Set(manifest.contributes.commands.map(({ command }) => command));
    const steps = manifest.contributes.walkthroughs.flatMap((walkthrough) => walkthrough.steps);
    expect(steps).toHaveLength(3);
    for (const step of steps) {
      expect(existsSync(join(own, step.media.image))).toBe(true);
      for (const [, command = ""] of step.description.matchAll(/\(command:([\w.]+)\)/g)) {
        expect(commands).toContain(command);
      }
    }
  });

  it("asks for no server that is newer than the extension", () => {
    expect(isOlder(manifest.version, MINIMUM_VERSION)).toBe(false);
  });
});
