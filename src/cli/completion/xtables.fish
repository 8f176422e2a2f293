# Completion of xtables for fish:  xtables completion fish | source

function __xtables_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l program xtables
    string match -qr '(^|/)xtables$' -- $words[1]; and set program $words[1]
    for line in ($program complete -- $words $word 2>/dev/null </dev/null)
        switch $line
            case ':file'
                __fish_complete_path $word
            case ':directory'
                __fish_complete_directories $word
            case '*'
                echo $line
        end
    end
end

complete -c xtables -f -a '(__xtables_complete)'
