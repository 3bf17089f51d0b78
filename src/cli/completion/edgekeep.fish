# Completion of edgekeep for fish. A packager puts it into share/fish/vendor_completions.d; what may
# follow is asked of the program itself.
function __edgekeep_complete
    set -lx COMP_LINE (commandline -cp | string collect)
    set -l lines (edgekeep completion -line fish 2>/dev/null)
    set -l word (commandline -ct)
    set -l before (string match -r '^.*[=@]' -- $word)
    set -l path (string replace -r '^.*[=@]' '' -- $word)
    switch "$lines[1]"
        case files
            printf '%s\n' "$before"(__fish_complete_path "$path")
        case folders
            printf '%s\n' "$before"(__fish_complete_directories "$path")
        case words
            printf '%s\n' $lines[2..]
    end
end
complete -c edgekeep -f -a '(__edgekeep_complete)'
