import { createRoot } from 'react-dom/client';
import { EngineClient } from '../engine/client.ts';
import { App } from './App.tsx';
import { loadHubConsent } from './hub_consent.ts';
import { keepOffline } from './offline.ts';
import { createStudioStore } from './store/store.ts';
import { createStudio, StudioProvider } from './studio.ts';
import './styles/base.css';
import './styles/controls.css';
import './styles/workbench.css';
import './styles/job_bar.css';
import './styles/charts.css';
import './styles/front.css';
import './styles/recipe.css';
import './styles/result.css';
import './styles/head_bars.css';
import './styles/hub.css';
import { applyTheme, loadTheme } from './theme.ts';

const theme = loadTheme();
applyTheme(theme);
const studio = createStudio(createStudioStore({ theme }, { allowed: loadHubConsent() }), new EngineClient());

studio.takeProject = async (file) => (await import('./project/open_project.ts')).takeProject(studio, file);

function followAddress(): void {
  if (location.hash.length > 1)
    void import('./actions/link.ts').then(({ followLink }) => followLink(studio, location.hash));
}
followAddress();
// A link that is put into the address bar of this very page loads nothing.
addEventListener('hashchange', followAddress);

createRoot(document.getElementById('root')!).render(
  <StudioProvider value={studio}>
    <App />
  </StudioProvider>,
);

keepOffline();
