import { buildCommand } from '@stricli/core'
import { type Context, loading } from './command.js'

const scripts = {
  bash: `_dino() { mapfile -t COMPREPLY < <(dino __complete "\${COMP_WORDS[@]:1:COMP_CWORD}"); }
complete -o default -F _dino dino`,
  zsh: `_dino() { compadd -- \${(f)"$(dino __complete "\${(@)words[2,CURRENT]}")"} || _files }
compdef _dino dino`,
  fish: `complete -c dino -a '(dino __complete (commandline -opc)[2..] (commandline -ct))'`,
}

type Shell = keyof typeof scripts

export const completion = buildCommand<{ shell: Shell }, [], Context>({
  docs: {
    brief: 'Print the script that lets a shell complete commands, flags and values',
    fullDescription: [
      '  source <(dino completion --shell bash)     in ~/.bashrc',
      '  source <(dino completion --shell zsh)      in ~/.zshrc, after compinit',
      '  dino completion --shell fish | source      in ~/.config/fish/config.fish',
    ].join('\n'),
  },
  parameters: {
    flags: { shell: { kind: 'enum', values: ['bash', 'zsh', 'fish'], default: 'bash', brief: 'your shell' } },
  },
  loader: loading<{ shell: Shell }>(async () => async ({ shell }, { stdout }) => {
    stdout.write(`${scripts[shell]}\n`)
    return 0
  }),
})
