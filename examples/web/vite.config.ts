// How the page is built: with relative addresses, so that it can lie in any folder.

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({ base: "./", plugins: [react()] });
